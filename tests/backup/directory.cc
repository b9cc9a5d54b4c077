#include "tests/backup/directory.h"

#include <utility>

#include "common/check.h"

namespace metasrv::backup {

void MemLogStore::Append(std::vector<Entry> entries) {
  for (Entry& entry : entries) {
    if (!contents_.entries.empty()) {
      CHECK(entry.id.index == contents_.entries.back().id.index.Next());
    } else if (contents_.purged.has_value()) {
      CHECK(entry.id.index == contents_.purged->index.Next());
    }
    contents_.entries.push_back(std::move(entry));
  }
}

void MemLogStore::Write(io::LogBatch batch, Done done) {
  if (batch.node_id.has_value()) contents_.node_id = batch.node_id;
  if (batch.hard_state.has_value()) contents_.hard_state = batch.hard_state;
  if (batch.committed.has_value()) contents_.committed = batch.committed;
  if (batch.reset_to.has_value()) {
    contents_.entries.clear();
    contents_.purged = batch.reset_to;
  }
  CHECK(!batch.truncate_from.has_value());
  Append(std::move(batch.append));
  if (batch.purge_to.has_value()) {
    contents_.purged = batch.purge_to;
    std::erase_if(contents_.entries, [&](const Entry& entry) { return entry.id.index <= batch.purge_to->index; });
  }
  done({});
}

std::expected<std::unique_ptr<Directory>, std::string> Import(const Lines& lines,
                                                              const std::optional<NewCluster>& new_cluster) {
  auto directory = std::make_unique<Directory>();
  StoreSink sink(directory->log, directory->state);
  Importer importer(sink);
  for (const std::string& line : lines) {
    if (auto added = importer.Add(line); !added.has_value()) return std::unexpected(ToString(added.error()));
  }
  auto report = importer.Finish(new_cluster);
  if (!report.has_value()) return std::unexpected(ToString(report.error()));
  directory->report = *report;
  return directory;
}

Lines Export(const Directory& directory, NodeId id) {
  io::LogContents log = *directory.log.Load();
  Exporter exporter(Source{log.node_id.value_or(id), log.hard_state, log.committed, log.purged,
                           std::make_unique<io::VectorCursor>(log.entries), directory.state.NewSnapshot()});
  Lines lines;
  for (std::string line; exporter.Next(&line);) lines.push_back(line);
  return lines;
}

}  // namespace metasrv::backup
