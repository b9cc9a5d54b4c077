// Any bytes as the first message of a handshake, as its payload and as a token: no token but the one that was given out
// opens the door.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "auth.pb.h"
#include "common/check.h"
#include "server/session.h"

namespace metasrv::server {
namespace {

void CheckHandshake(const Sessions& sessions, const meta::HandshakeRequest& request) {
  const auto response = sessions.Handshake(request);
  if (!response) return CHECK(!response.error().text.empty());
  pb::BasicAuth auth;
  CHECK(auth.ParseFromString(request.payload()));
  CHECK_EQ(auth.username(), "root");
  CHECK(sessions.CheckToken(response->payload(), TokenRule::kAlways).has_value());
  CHECK(!sessions.CheckToken(response->payload() + "0", TokenRule::kAlways).has_value());
}

void CheckBytes(const std::string& bytes) {
  static const Sessions sessions;
  CHECK(!sessions.CheckToken(bytes, TokenRule::kAlways).has_value());
  meta::HandshakeRequest request;
  if (request.ParseFromString(bytes)) CheckHandshake(sessions, request);
  meta::HandshakeRequest of_payload;
  of_payload.set_payload(bytes);
  CheckHandshake(sessions, of_payload);
}

}  // namespace
}  // namespace metasrv::server

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  metasrv::server::CheckBytes({reinterpret_cast<const char*>(data), size});
  return 0;
}
