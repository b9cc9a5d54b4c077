#include "sim/restore.h"

#include <algorithm>
#include <utility>

#include "backup/exporter.h"
#include "backup/import.h"
#include "backup/recluster.h"
#include "backup/verify.h"
#include "common/check.h"
#include "sim/cluster.h"
#include "sim/history.h"
#include "sm/layout.h"
#include "sm/mem_store.h"
#include "sm/read.h"
#include "sm/row_codec.h"

namespace metasrv::sim {
namespace {

using Lines = std::vector<std::string>;

// An import into a disk that no machine has yet.
class ImageSink final : public backup::ImportSink {
 public:
  explicit ImageSink(io::DiskImage& image) : image_(image) {}
  std::expected<void, std::string> WriteLog(io::LogBatch batch) override {
    image_.log.Apply(batch);
    return {};
  }
  std::expected<void, std::string> WriteState(std::vector<sm::Row> rows) override {
    for (auto& [key, value] : rows) image_.state.rows.Put(std::move(key), std::move(value));
    return {};
  }
  bool HasRow(std::string_view key) const override { return image_.state.rows.Find(key) != nullptr; }

 private:
  io::DiskImage& image_;
};

std::expected<io::DiskImage, std::string> Import(const Lines& lines, const std::optional<backup::NewCluster>& cluster) {
  io::DiskImage image;
  ImageSink sink(image);
  backup::Importer importer(sink);
  for (const std::string& line : lines) {
    if (const auto added = importer.Add(line); !added) return std::unexpected(ToString(added.error()));
  }
  if (const auto report = importer.Finish(cluster); !report) return std::unexpected(ToString(report.error()));
  return image;
}

Lines Produce(backup::Source source) {
  backup::Exporter exporter(std::move(source));
  Lines lines;
  for (std::string line; exporter.Next(&line);) lines.push_back(line);
  return lines;
}

Lines ExportLines(const io::DiskImage& image) {
  const io::LogContents log = image.log.ToContents();
  return Produce({log.node_id.value(), log.hard_state, log.committed, log.purged,
                  std::make_unique<io::VectorCursor>(log.entries), std::make_shared<sm::MapReader>(image.state.rows)});
}

// Members whose address is not in the state yet: a node joins, or has just founded the cluster.
bool IsUnderWay(const backup::Finding& finding) { return finding.text.find("is not in `Nodes`") != std::string::npos; }

void JudgeByItself(const Lines& lines, Verdict& verdict) {
  backup::Verifier verifier;
  for (const std::string& line : lines) {
    if (const auto added = verifier.Add(line); !added) return verdict.Broken(kBackupIsSound, ToString(added.error()));
  }
  const auto report = verifier.Finish(false);
  if (!report) return verdict.Broken(kBackupIsSound, ToString(report.error()));
  for (const backup::Finding& finding : report->findings) {
    if (!IsUnderWay(finding)) return verdict.Broken(kBackupIsSound, finding.text);
  }
}

void JudgeRecords(const io::DiskImage& image, History& history, Verdict& verdict) {
  const sm::MapReader state(image.state.rows);
  const auto applied = sm::ReadLastApplied(state);
  if (applied) history.AdvanceTo(*applied);
  if (verdict.failed()) return;
  auto expected = history.ListAt("", applied ? applied->index.Next() : LogIndex(0));
  auto at = expected.begin();
  const std::string table = sm::RecordRow("");
  for (auto row = state.Scan(table, sm::PrefixEnd(table)); row->Valid(); row->Next(), ++at) {
    const std::string key(sm::KeyOfRecordRow(row->key()));
    if (at == expected.end() || at->first != key || !SameRecord(at->second, sm::ParseRow<meta::SeqV>(row->value()))) {
      return verdict.Broken(kBackupIsHistory, key + " after " + (applied ? ToString(*applied) : "nothing"));
    }
  }
  if (at != expected.end()) verdict.Broken(kBackupIsHistory, at->first + " is missing");
}

}  // namespace

std::vector<std::string> ExportLines(const node::Node& node) {
  node::ExportSource source = node.Export();
  return Produce({source.node_id, source.hard_state, source.committed, source.purged, std::move(source.log),
                  std::move(source.state)});
}

void JudgeBackup(const std::vector<std::string>& lines, History& history, Verdict& verdict) {
  JudgeByItself(lines, verdict);
  if (verdict.failed()) return;
  const auto image = Import(lines, {});
  if (!image) return verdict.Broken(kBackupIsSound, image.error());
  JudgeRecords(*image, history, verdict);
  const Lines again = ExportLines(*image);
  const auto [one, other] = std::ranges::mismatch(lines, again);
  // A node that has nothing gives five lines; what is imported from them has a state (export-format.md §9, N24).
  if (one == lines.end() && (other == again.end() || lines.size() == 5)) return;
  verdict.Broken(kBackupIsFixedPoint, one == lines.end() ? "more lines" : *one);
}

Restored Restore(const std::vector<std::string>& lines, NodeId first, std::uint64_t count) {
  backup::NewCluster cluster{first, {}};
  for (std::uint64_t i = 0; i < count; ++i) {
    const NodeId id(first.value() + i);
    cluster.members[id] = EndpointOf(id);
  }
  Restored restored;
  restored.membership = cluster.MembershipOf();
  for (const auto& [id, endpoint] : cluster.members) {
    cluster.self = id;
    auto image = Import(lines, cluster);
    CHECK(image.has_value());
    restored.disks[id] = *std::move(image);
  }
  const io::DiskImage& one = restored.disks.begin()->second;
  restored.applied = sm::ReadLastApplied(sm::MapReader(one.state.rows));
  if (restored.applied) restored.committed_end = restored.applied->index.Next();
  if (one.log.committed) restored.committed_end = std::max(restored.committed_end, one.log.committed->index.Next());
  return restored;
}

}  // namespace metasrv::sim
