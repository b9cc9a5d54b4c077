#include "ctl/backup_texts.h"

#include <array>
#include <chrono>
#include <cstdio>

#include "backup/version.h"
#include "io/snapshot_id.h"

namespace metasrv::ctl {

std::string Quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  return result + "\"";
}

std::string StateHashText(std::uint64_t hash) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

std::string NewSnapshotId(const std::optional<LogId>& last_applied) {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  return io::SnapshotId(last_applied, WallMillis(static_cast<std::uint64_t>(now.time_since_epoch().count())));
}

void SayUpgradeCheck(const Terminal& terminal) {
  terminal.err << "Upgrade ondisk data if out of date: " << backup::kDataVersion << "\n"
               << "    Find and clean previous unfinished upgrading\n"
               << "Upgrade ondisk data finished: " << backup::kDataVersion << std::endl;
}

}  // namespace metasrv::ctl
