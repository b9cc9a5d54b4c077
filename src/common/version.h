#pragma once

#include <cstdint>

namespace metasrv {

// Two versions, as upstream has them (operations.md §7.4): the product's, for people and the admin API, and the
// protocol's, which clients and servers compare.
inline constexpr const char* kProductVersion = "1.2.934-cpp";
inline constexpr const char* kProtocolVersion = "260304.0.0";
inline constexpr std::uint64_t kProtocolVersionDigits = 260'304'000'000;

// Identifies the build: source revision (ten hexadecimal digits, zeros outside a repository), compiler and time. The
// release script sets revision and time; other builds leave them out so that equal sources give equal programs.
#ifdef METASRV_GIT_SHA
inline constexpr const char* kGitSha = METASRV_GIT_SHA;
#else
inline constexpr const char* kGitSha = "0000000000";
#endif
#ifdef METASRV_BUILD_TIME
inline constexpr const char* kBuildTime = METASRV_BUILD_TIME;
#else
inline constexpr const char* kBuildTime = "1970-01-01T00:00:00Z";
#endif
#ifdef __clang__
inline constexpr const char* kCompiler = "clang-" __clang_version__;
#else
inline constexpr const char* kCompiler = "gcc-" __VERSION__;
#endif

}  // namespace metasrv
