// Any bytes as a whole backup, perhaps with peers of a new cluster in front of it: the import takes it or names the
// line that it does not like; what it took is exported in a form that is imported and exported as itself, as it is and
// as a new cluster.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/verify.h"
#include "common/check.h"
#include "tests/backup/directory.h"

namespace metasrv::backup {
namespace {

Lines Split(std::string_view document) {
  Lines lines;
  while (!document.empty()) {
    const std::size_t end = document.find('\n');
    lines.emplace_back(document.substr(0, end));
    if (end == std::string_view::npos) break;
    document.remove_prefix(end + 1);
  }
  return lines;
}

// Takes the lines in front of the document, of which each is a value of --initial-cluster.
std::vector<std::string> TakePeers(Lines& lines) {
  const auto document = std::ranges::find_if(lines, [](const std::string& line) { return line.starts_with('['); });
  std::vector<std::string> peers(lines.begin(), document);
  if (document != lines.end()) lines.erase(lines.begin(), document);
  return peers;
}

// What the lines say, or a small cluster when they say nothing.
NewCluster ClusterOf(const std::vector<std::string>& peers) {
  const auto given = ParseNewCluster(peers, NodeId(1));
  if (given) return *given;
  CHECK(!given.error().empty());
  const std::vector<std::string> small{"1=a:1", "2=[::1]:2"};
  const auto cluster = ParseNewCluster(small, NodeId(1));
  CHECK(cluster.has_value());
  return *cluster;
}

// A check without importing takes what an import takes; beyond that it only passes over a record that comes twice far
// apart, which it finds fault with for its order.
void CheckVerify(const Lines& lines, bool imported) {
  Verifier verifier;
  for (const std::string& line : lines) {
    if (!verifier.Add(line)) return CHECK(!imported);
  }
  const auto report = verifier.Finish(false);
  CHECK(report.has_value() || !imported);
  if (report && !imported) CHECK_GT(report->findings_total, 0U);
}

void CheckImport(const Lines& lines, const std::optional<NewCluster>& new_cluster) {
  const auto directory = Import(lines, new_cluster);
  if (!new_cluster) CheckVerify(lines, directory.has_value());
  if (!directory) {
    CHECK(!directory.error().empty());
    return;
  }
  const Lines exported = Export(**directory);
  const auto again = Import(exported);
  CHECK(again.has_value());
  CHECK(Export(**again) == exported);
}

}  // namespace
}  // namespace metasrv::backup

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto lines = metasrv::backup::Split({reinterpret_cast<const char*>(data), size});
  const auto cluster = metasrv::backup::ClusterOf(metasrv::backup::TakePeers(lines));
  metasrv::backup::CheckImport(lines, {});
  metasrv::backup::CheckImport(lines, cluster);
  return 0;
}
