#include "server/session.h"

#include <openssl/sha.h>

#include <array>
#include <random>

#include "auth.pb.h"
#include "common/utf8.h"
#include "server/version.h"

namespace metasrv::server {
namespace {

constexpr const char* kDefaultUser = "root";

// 256 bits from the operating system, as text.
std::string RandomToken() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string token;
  while (token.size() < 64) {
    std::uint32_t bits = random();
    for (int i = 0; i < 8; ++i, bits >>= 4) token += kDigits[bits & 15];
  }
  return token;
}

// Takes the same time wherever the texts differ.
bool EqualInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

std::string Digest(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return {digest.begin(), digest.end()};
}

}  // namespace

std::string VersionText(std::uint64_t digits) {
  return std::to_string(digits / 1'000'000) + "." + std::to_string(digits / 1'000 % 1'000) + "." +
         std::to_string(digits % 1'000);
}

Sessions::Sessions(const std::optional<Login>& login)
    : token_(RandomToken()), user_(login ? login->user : kDefaultUser) {
  if (login) password_digest_ = Digest(login->password);
}

std::expected<void, CallError> Sessions::CheckLogin(const std::string& user, const std::string& password) const {
  if (user != user_) return std::unexpected(CallError{CallCode::kUnauthenticated, "Unknown user: " + user});
  // Digests have one length, so that the time tells nothing about the password's.
  if (password_digest_ && !EqualInConstantTime(Digest(password), *password_digest_)) {
    return std::unexpected(CallError{CallCode::kUnauthenticated, "Wrong password of user: " + user});
  }
  return {};
}

std::expected<meta::HandshakeResponse, CallError> Sessions::Handshake(const meta::HandshakeRequest& request) const {
  const std::uint64_t version = request.protocol_version();
  if (version != 0 && version < kMinClientVersionDigits) {
    return std::unexpected(
        CallError{CallCode::kInvalidArgument, "meta-client protocol_version(" + VersionText(version) +
                                                  ") < metasrv min-compatible(" + kMinClientVersion + ")"});
  }
  pb::BasicAuth auth;
  if (!auth.ParseFromString(request.payload())) {
    return std::unexpected(CallError{CallCode::kInternal, "failed to decode the handshake payload as BasicAuth"});
  }
  if (auto allowed = CheckLogin(auth.username(), auth.password()); !allowed) return std::unexpected(allowed.error());
  meta::HandshakeResponse response;
  response.set_protocol_version(kProtocolVersionDigits);
  response.set_payload(token_);
  return response;
}

std::expected<void, CallError> Sessions::CheckToken(std::optional<std::string_view> token, TokenRule rule) const {
  if (rule == TokenRule::kWithLogin && !password_digest_) return {};
  if (!token || token->empty() || !IsUtf8(*token)) {
    return std::unexpected(CallError{CallCode::kUnauthenticated, "Error auth-token-bin is empty"});
  }
  if (!EqualInConstantTime(*token, token_)) {
    return std::unexpected(
        CallError{CallCode::kUnauthenticated, "token verify failed: it was not issued by this process"});
  }
  return {};
}

}  // namespace metasrv::server
