#include "ctl/access.h"

#include <grpcpp/grpcpp.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

namespace metasrv::ctl {
namespace {

// An empty path is an empty text.
std::expected<void, std::string> ReadInto(const std::string& path, std::string* text) {
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::unexpected("TLS: cannot read " + path + ": " + std::strerror(errno));
  text->assign(std::istreambuf_iterator<char>(file), {});
  return {};
}

}  // namespace

Access Access::FromEnvironment() {
  Access access;
  const auto take = [](const char* name, std::string* field) {
    if (const char* value = std::getenv(name); value != nullptr) *field = value;
  };
  take("METACTL_USERNAME", &access.user);
  take("METACTL_PASSWORD", &access.password);
  take("METACTL_TLS_CA", &access.tls_ca);
  take("METACTL_TLS_DOMAIN", &access.tls_domain);
  take("METACTL_TLS_CERT", &access.tls_cert);
  take("METACTL_TLS_KEY", &access.tls_key);
  return access;
}

std::expected<std::shared_ptr<grpc::ChannelCredentials>, std::string> Access::Credentials() const {
  if (tls_ca.empty()) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  for (const auto& [path, text] : {std::pair{&tls_ca, &options.pem_root_certs},
                                   {&tls_cert, &options.pem_cert_chain},
                                   {&tls_key, &options.pem_private_key}}) {
    if (auto read = ReadInto(*path, text); !read) return std::unexpected(read.error());
  }
  return grpc::SslCredentials(options);
}

}  // namespace metasrv::ctl
