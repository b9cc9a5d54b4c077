#pragma once

#include <memory>
#include <string>
#include <vector>

#include "server/service_context.h"

namespace grpc {
class ServerBuilder;
}  // namespace grpc

namespace metasrv::server {

// `grpc.reflection.v1.ServerReflection` (grpc-api.md §1.1): tells debugging tools about the services of this port.
// Debian's gRPC brings only the version before.
class Reflection {
 public:
  // `services`: full names of what the port serves besides.
  Reflection(const ServiceContext& context, std::vector<std::string> services);
  ~Reflection();
  Reflection(const Reflection&) = delete;
  Reflection& operator=(const Reflection&) = delete;

  void Register(grpc::ServerBuilder& builder);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv::server
