#include "backup/version.h"

#include "common/check.h"

namespace metasrv::backup {
namespace {

struct VersionText {
  std::string_view name;
  std::string_view about;
};

constexpr VersionText kVersions[] = {
    {"V0", "2023-04-21: before the log types of 2023"}, {"V001", "2023-05-15: log types of 2023"},
    {"V002", "2023-07-22: Store snapshot in a file"},   {"V003", "2024-06-27: Store snapshot in rotbl"},
    {"V004", "2024-11-11: WAL based raft-log"},
};

}  // namespace

std::string LongVersion(std::string_view version) {
  for (const VersionText& known : kVersions) {
    if (known.name == version) return std::string(known.name) + "(" + std::string(known.about) + ")";
  }
  CheckFailed(__FILE__, __LINE__, "known version", std::string(version));
}

}  // namespace metasrv::backup
