#pragma once

#include <expected>
#include <memory>
#include <string>

namespace grpc {
class ChannelCredentials;
}  // namespace grpc

namespace metasrv::ctl {

// How the tool identifies itself to a node's ports and whom it trusts. Comes from the environment, so that no password
// stands in a list of processes: METACTL_USERNAME, METACTL_PASSWORD, and for TLS METACTL_TLS_CA, METACTL_TLS_DOMAIN,
// METACTL_TLS_CERT and METACTL_TLS_KEY.
struct Access {
  std::string user = "root";
  std::string password = "xxx";
  std::string tls_ca = {};      // PEM file of the authorities to trust; empty: no TLS
  std::string tls_domain = {};  // the name in the server's certificate, when it is not that of the address
  std::string tls_cert = {};    // PEM files to show to the server
  std::string tls_key = {};

  [[nodiscard]] static Access FromEnvironment();

  // Errors: the file that can not be read.
  [[nodiscard]] std::expected<std::shared_ptr<grpc::ChannelCredentials>, std::string> Credentials() const;
};

}  // namespace metasrv::ctl
