#pragma once

#include <expected>
#include <memory>
#include <string>

namespace grpc {
class ServerCredentials;
}  // namespace grpc

namespace metasrv::server {

// PEM files. TLS is on when certificate and key are both named (config-and-cli.md §2.1).
struct TlsFiles {
  std::string cert = {};
  std::string key = {};
  std::string client_ca = {};  // set: only clients with a certificate that this authority signed may connect

  [[nodiscard]] bool enabled() const { return !cert.empty() && !key.empty(); }
};

// Credentials that follow the files: a replaced certificate counts for connections made a few seconds later. Errors:
// what is wrong with which file.
[[nodiscard]] std::expected<std::shared_ptr<grpc::ServerCredentials>, std::string> MakeServerCredentials(
    const TlsFiles& files);

}  // namespace metasrv::server
