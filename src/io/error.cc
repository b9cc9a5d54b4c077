#include "io/error.h"

namespace metasrv::io {

const char* ToString(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound: return "not found";
    case ErrorKind::kCorrupt: return "corrupt data";
    case ErrorKind::kIo: return "I/O error";
    case ErrorKind::kNoSpace: return "no space left on the disk";
    case ErrorKind::kPoisoned: return "stopped after an earlier disk error";
    case ErrorKind::kLocked: return "directory is in use";
    case ErrorKind::kIncompatible: return "incompatible data directory";
  }
  return "?";
}

}  // namespace metasrv::io
