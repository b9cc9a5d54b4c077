#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "common/time.h"
#include "ctl/access.h"
#include "meta.grpc.pb.h"
#include "meta.pb.h"

namespace metasrv::ctl {

// What every client of a node's gRPC port begins with (metactl.md §1.3).

// A connection with the tools' message limits, made when it is first used. Errors: a TLS file that can not be read.
[[nodiscard]] std::expected<std::unique_ptr<meta::MetaService::Stub>, std::string> OpenStub(const std::string& address,
                                                                                            const Access& access);

// A failed call as the operator reads it.
[[nodiscard]] std::string ErrorText(const grpc::Status& status);

struct Session {
  std::string token;
  std::uint64_t server_version = 0;

  void Authorize(grpc::ClientContext& context) const { context.AddMetadata("auth-token-bin", token); }
};

// Blocks, at most for `timeout` when there is one.
[[nodiscard]] std::expected<Session, std::string> Handshake(meta::MetaService::Stub& stub, const Access& access,
                                                            std::optional<Duration> timeout);

void SetDeadline(grpc::ClientContext& context, Duration timeout);

}  // namespace metasrv::ctl
