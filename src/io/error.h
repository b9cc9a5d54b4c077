#pragma once

#include <cstdint>
#include <string>

namespace metasrv::io {

// What a caller can act on. Everything but kNotFound is fail-stop for a running node (docs/STORAGE.md).
enum class ErrorKind : std::uint8_t {
  kNotFound,     // there is no such thing
  kCorrupt,      // the data is there and wrong; never answered as a shorter log (docs/STORAGE.md, K7)
  kIo,           // a read, write or sync failed
  kNoSpace,      // the disk is full; the store is as before the call (K12)
  kPoisoned,     // an earlier write or sync failed: nothing is acknowledged any more (K6)
  kLocked,       // another process uses the directory
  kIncompatible  // written by another program or version
};

struct Error {
  ErrorKind kind{};
  std::string detail;  // names the file and the reason, for the operator
};

[[nodiscard]] const char* ToString(ErrorKind kind);

}  // namespace metasrv::io
