#pragma once

#include <openssl/types.h>

#include <expected>
#include <string>

#include "ctl/access.h"

namespace metasrv::ctl {

// Has the connections of `context` verify that the server is `host` and show who the tool is, as `access` says; without
// `tls_ca` the system's authorities are trusted. `distrust` gets the reason when a server is refused, and outlives the
// connections. Errors: a file that can not be used.
[[nodiscard]] std::expected<void, std::string> UseTls(SSL_CTX& context, const Access& access, const std::string& host,
                                                      std::string* distrust);

}  // namespace metasrv::ctl
