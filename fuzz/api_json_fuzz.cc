// Any bytes as the JSON that the API's old calls carry: refused or read, never a crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "backup/request_json.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  static_cast<void>(metasrv::backup::ParseKvApiRequest(json));
  static_cast<void>(metasrv::backup::ParseReadRequest(json));
  static_cast<void>(metasrv::backup::ParseForwardRequest(json));
  return 0;
}
