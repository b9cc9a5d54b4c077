#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "meta.pb.h"
#include "server/call_error.h"

namespace metasrv::server {

// Who may shake hands, when that is restricted.
struct Login {
  std::string user;
  std::string password;
};

// Whether a call wants a token always, or only when a login is configured (grpc-api.md §3, ruling 6).
enum class TokenRule { kAlways, kWithLogin };

// Who may call (grpc-api.md §4): the handshake gives out a token that the checked calls must bring. The token is
// random, one per process, so that it is worth nothing after a restart or on another node. Immutable, hence
// thread-safe.
class Sessions {
 public:
  // Without a login every password of "root" will do, as published.
  explicit Sessions(const std::optional<Login>& login = std::nullopt);

  // Judges the first message of a handshake: version, then payload, then user (§4.2), then password.
  [[nodiscard]] std::expected<meta::HandshakeResponse, CallError> Handshake(
      const meta::HandshakeRequest& request) const;

  // Judges the `auth-token-bin` header of a call.
  [[nodiscard]] std::expected<void, CallError> CheckToken(std::optional<std::string_view> token, TokenRule rule) const;

 private:
  [[nodiscard]] std::expected<void, CallError> CheckLogin(const std::string& user, const std::string& password) const;

  std::string token_;
  std::string user_;
  std::optional<std::string> password_digest_;
};

// "1.2.676" for 1002676.
[[nodiscard]] std::string VersionText(std::uint64_t digits);

}  // namespace metasrv::server
