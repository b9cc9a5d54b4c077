#pragma once

#include <google/protobuf/message_lite.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"
#include "common/ids.h"
#include "log.pb.h"
#include "meta.pb.h"

namespace metasrv::sm {

// Decodes the value of a row. The store answers for the bytes being those that were written; anything else is a bug.
template <class Message>
[[nodiscard]] Message ParseRow(std::string_view value) {
  Message message;
  CHECK(message.ParseFromArray(value.data(), static_cast<int>(value.size())));
  return message;
}

[[nodiscard]] meta::LogId ToProto(const LogId& id);
[[nodiscard]] LogId FromProto(const meta::LogId& id);

// Decodes a Command, or a message around one; false when the bytes are something else. Use it wherever a Command is
// read from bytes: a predicate that a client may send nests deeper inside a Command than protobuf's default limit
// allows.
[[nodiscard]] bool ParseCommand(std::string_view bytes, google::protobuf::MessageLite& message);

}  // namespace metasrv::sm
