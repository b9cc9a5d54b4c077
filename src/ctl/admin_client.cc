#include "ctl/admin_client.h"

#include <httplib.h>
#include <openssl/err.h>
#include <pthread.h>

#include <charconv>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <memory>

#include "ctl/access.h"
#include "ctl/admin_tls.h"

namespace metasrv::ctl {
namespace {

constexpr const char* kHttps = "https://";

using Client = std::unique_ptr<httplib::ClientImpl>;

std::expected<Client, std::string> TlsClient(const HostPort& target, std::string* distrust) {
  auto client = std::make_unique<httplib::SSLClient>(target.host, target.port);
  if (auto used = UseTls(*client->ssl_context(), Access::FromEnvironment(), target.host, distrust); !used) {
    return std::unexpected(used.error());
  }
  // UseTls does it, for the name that is asked for.
  client->enable_server_certificate_verification(false);
  return client;
}

// The library's own words say no more than that TLS failed.
std::string TlsReason(httplib::Error error, const std::string& distrust) {
  if (!distrust.empty()) return "the server's certificate is refused: " + distrust;
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  const std::string text = httplib::to_string(error) + (reason != nullptr ? std::string(": ") + reason : "");
  using httplib::Error;
  if (text.find("wrong version number") != std::string::npos) return text + " (is it a port without TLS?)";
  if (error != Error::Read && error != Error::Write && error != Error::SSLConnection) return text;
  const bool shown = !Access::FromEnvironment().tls_cert.empty();
  return text + (shown ? " (does the port refuse the certificate in METACTL_TLS_CERT?)"
                       : " (does the port ask for a certificate? METACTL_TLS_CERT and METACTL_TLS_KEY name one)");
}

// While it lives, a connection that the other side closed is an error for this thread, not the end of the process:
// OpenSSL writes without asking for that.
class NoBrokenPipe {
 public:
  NoBrokenPipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoBrokenPipe() {
    const timespec now{};
    while (sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoBrokenPipe(const NoBrokenPipe&) = delete;
  NoBrokenPipe& operator=(const NoBrokenPipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
};

std::string PlainReason(httplib::Error error) {
  const char* hint = error == httplib::Error::Read ? " (is it a port with TLS? Its address begins with https://)" : "";
  return httplib::to_string(error) + hint;
}

}  // namespace

std::optional<HostPort> SplitAddress(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  HostPort result{address.substr(0, colon), 0};
  const char* end = address.data() + address.size();
  const auto [stop, error] = std::from_chars(address.data() + colon + 1, end, result.port);
  if (error != std::errc{} || stop != end) return std::nullopt;
  if (result.host.starts_with('[') && result.host.ends_with(']'))
    result.host = result.host.substr(1, result.host.size() - 2);
  return result;
}

std::expected<std::string, std::string> AdminGet(const std::string& address, const std::string& path) {
  const bool https = address.starts_with(kHttps);
  const auto target = SplitAddress(https ? address.substr(std::strlen(kHttps)) : address);
  if (!target) return std::unexpected("invalid address: " + address);
  const auto failed = [&](const std::string& why) {
    return std::unexpected("error sending request for url (" + (https ? "" : std::string("http://")) + address + path +
                           "): " + why);
  };
  std::string distrust;
  std::expected<Client, std::string> client = std::make_unique<httplib::ClientImpl>(target->host, target->port);
  if (https) client = TlsClient(*target, &distrust);
  if (!client) return failed(client.error());
  const NoBrokenPipe guard;
  // No time-out of the tool's own: the server decides how long it takes.
  (*client)->set_read_timeout(std::chrono::hours(24));
  const auto response = (*client)->Get(path);
  if (!response) return failed(https ? TlsReason(response.error(), distrust) : PlainReason(response.error()));
  if (response->status < 200 || response->status > 299) {
    return std::unexpected("status code: " + std::to_string(response->status) + " " + response->reason +
                           ", msg: " + response->body);
  }
  return response->body;
}

std::string QueryEscape(const std::string& text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string result;
  for (const unsigned char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (plain) {
      result.push_back(static_cast<char>(c));
    } else {
      result += {'%', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return result;
}

}  // namespace metasrv::ctl
