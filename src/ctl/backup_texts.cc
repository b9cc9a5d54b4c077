#include "ctl/backup_texts.h"

#include <array>
#include <cstdint>
#include <cstdio>

#include "backup/version.h"

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

void SayUpgradeCheck(const Terminal& terminal) {
  terminal.err << "Upgrade ondisk data if out of date: " << backup::kDataVersion << "\n"
               << "    Find and clean previous unfinished upgrading\n"
               << "Upgrade ondisk data finished: " << backup::kDataVersion << std::endl;
}

}  // namespace metasrv::ctl
