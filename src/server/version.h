#pragma once

#include <cstdint>

#include "common/version.h"

namespace metasrv::server {

using metasrv::kBuildTime;
using metasrv::kCompiler;
using metasrv::kGitSha;
using metasrv::kProductVersion;
using metasrv::kProtocolVersion;
using metasrv::kProtocolVersionDigits;

// The oldest client that is let in (grpc-api.md §4.1).
inline constexpr const char* kMinClientVersion = "1.2.676";
inline constexpr std::uint64_t kMinClientVersionDigits = 1'002'676;
inline constexpr const char* kDataVersion = "V004";
inline constexpr const char* kDataVersionLong = "V004(2024-11-11: WAL based raft-log)";

}  // namespace metasrv::server
