// Any bytes as a whole backup: the import takes it or names the line it does not like; it never crashes.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "backup/import.h"

namespace metasrv::backup {
namespace {

class KeysOnly : public ImportSink {
 public:
  std::expected<void, std::string> WriteLog(io::LogBatch /*batch*/) override { return {}; }
  std::expected<void, std::string> WriteState(std::vector<sm::Row> rows) override {
    for (auto& [key, value] : rows) keys_.insert(std::move(key));
    return {};
  }
  bool HasRow(std::string_view key) const override { return keys_.contains(std::string(key)); }

 private:
  std::set<std::string> keys_;
};

bool Feed(Importer& importer, std::string_view document) {
  while (!document.empty()) {
    const auto end = document.find('\n');
    if (!importer.Add(document.substr(0, end))) return false;
    if (end == std::string_view::npos) break;
    document.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace
}  // namespace metasrv::backup

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  metasrv::backup::KeysOnly sink;
  metasrv::backup::Importer importer(sink);
  if (metasrv::backup::Feed(importer, {reinterpret_cast<const char*>(data), size})) {
    static_cast<void>(importer.Finish());
  }
  return 0;
}
