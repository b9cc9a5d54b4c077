#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "node/client_api.h"
#include "peer.pb.h"
#include "server/service_context.h"

namespace grpc {
class ServerBuilder;
}  // namespace grpc

namespace metasrv::server {

// Judges the raft secret of a call: the text to refuse it with, or nothing (config-and-cli.md §7.5).
using SecretCheck =
    std::function<std::optional<std::string>(const std::optional<std::string>& secret, const std::string& from)>;

// The part of `meta.RaftService` that tools and older scripts use: Forward with its JSON bodies (grpc-api.md §5.4, §9).
// Lives on the raft port beside the private service of the peers.
class RaftApi {
 public:
  RaftApi(const ServiceContext& services, SecretCheck check_secret);
  ~RaftApi();
  RaftApi(const RaftApi&) = delete;
  RaftApi& operator=(const RaftApi&) = delete;

  void Register(grpc::ServerBuilder& builder);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What RaftReply.error says about a Forward that failed (grpc-api.md §5.6). `action` is "join", "leave" or "write".
[[nodiscard]] std::string ForwardErrorJson(const pb::ForwardReply& reply, const std::string& action);

}  // namespace metasrv::server
