#include "ctl/admin_tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace metasrv::ctl {
namespace {

std::unexpected<std::string> Unusable(const std::string& what, const std::string& path) {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return std::unexpected("TLS: cannot use " + path + " as " + what +
                         (reason != nullptr ? std::string(": ") + reason : ""));
}

int Verify(X509_STORE_CTX* chain, void* distrust) {
  if (X509_verify_cert(chain) == 1) return 1;
  *static_cast<std::string*>(distrust) = X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain));
  return 0;
}

}  // namespace

std::expected<void, std::string> UseTls(SSL_CTX& context, const Access& access, const std::string& host,
                                        std::string* distrust) {
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  if (access.tls_ca.empty()) {
    SSL_CTX_set_default_verify_paths(&context);
  } else if (SSL_CTX_load_verify_file(&context, access.tls_ca.c_str()) != 1) {
    return Unusable("authorities (METACTL_TLS_CA)", access.tls_ca);
  }
  if (!access.tls_cert.empty() && SSL_CTX_use_certificate_chain_file(&context, access.tls_cert.c_str()) != 1) {
    return Unusable("certificate (METACTL_TLS_CERT)", access.tls_cert);
  }
  if (!access.tls_key.empty() && SSL_CTX_use_PrivateKey_file(&context, access.tls_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Unusable("private key (METACTL_TLS_KEY)", access.tls_key);
  }
  X509_VERIFY_PARAM* const expected = SSL_CTX_get0_param(&context);
  const std::string& name = access.tls_domain.empty() ? host : access.tls_domain;
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) != 1) {
    X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size());
  }
  ERR_clear_error();
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(&context, &Verify, distrust);
  return {};
}

}  // namespace metasrv::ctl
