#include <utility>

#include "backup/import.h"
#include "backup/recluster.h"
#include "backup/version.h"
#include "ctl/backup_file.h"
#include "ctl/backup_texts.h"
#include "ctl/commands.h"
#include "ctl/feed.h"
#include "ctl/threaded_sink.h"

namespace metasrv::ctl {
namespace {

constexpr std::string_view kDataVersion = backup::kDataVersion;

void SayImportParameters(const ImportCommand& command, const Terminal& terminal) {
  terminal.err << "\nImport:\n    Into Meta Dir: '" << command.raft_dir
               << "'\n    Initialize Cluster with Id: " << command.id << ", cluster: {\n";
  std::string peers;
  for (const auto& peer : command.initial_cluster) {
    terminal.err << "        Peer: " << peer << "\n";
    peers += (peers.empty() ? "" : ", ") + Quoted(peer);
  }
  terminal.err << "    }\nInitialize Cluster: id=" << command.id << ", [" << peers << "]" << std::endl;
}

void SayNewCluster(const backup::NewCluster& cluster, const Terminal& terminal) {
  for (const auto& [id, endpoint] : cluster.members) {
    terminal.err << "peer:" << id.value() << "=" << ToString(endpoint) << "\nnew cluster node:id=" << id.value()
                 << " raft=" << ToString(endpoint) << " grpc=\n";
  }
}

struct Imported {
  backup::ImportReport report;
  std::string snapshot_id;
};

void SayImported(const Imported& imported, const ImportCommand& command, const Terminal& terminal) {
  const auto& [report, snapshot] = imported;
  terminal.err << kDataVersion << ": Imported " << report.record_count << " records, snapshot: " << snapshot
               << "; snapshot_path: " << command.raft_dir << "/df_meta/" << kDataVersion << "/snapshot/" << snapshot
               << ".snap; state_hash: " << StateHashText(report.state_hash) << "\n"
               << kDataVersion << ": written on-disk header: " << kDataVersion << "\n";
  SayUpgradeCheck(terminal);
  terminal.err << "Finished import, max_log_id: '" << (report.max_log_id ? ToString(*report.max_log_id) : "None") << "'"
               << std::endl;
}

// Reads the whole document into a replacement of the directory and puts it in place; a failure leaves the old data.
std::expected<Imported, std::string> Import(BackupReader& lines, const ImportCommand& command,
                                            const std::optional<backup::NewCluster>& cluster,
                                            const OpenDirectory& open_directory, const Terminal& terminal) {
  const auto text = [](const io::Error& error) { return std::unexpected(error.detail); };
  auto directory = open_directory(command.raft_dir);
  if (!directory) return text(directory.error());
  auto replacement = (*directory)->Replace();
  if (!replacement) return text(replacement.error());
  const auto refused = [&](const std::string& error) {
    return std::unexpected(RefusedBackup(error, command.db, "The data in '" + command.raft_dir + "' is"));
  };
  ThreadedSink sink((*replacement)->sink());
  backup::Importer importer(sink);
  const auto fed = FeedLines(lines, terminal, [&](std::string_view line) { return importer.Add(line); });
  if (!fed) return refused(fed.error());
  auto report = importer.Finish(cluster);
  if (!report) return refused(ToString(report.error()));
  if (auto written = sink.Drain(); !written) return std::unexpected(written.error());
  const std::string snapshot_id = NewSnapshotId(report->last_applied);
  if (auto done = (*replacement)->Commit(snapshot_id); !done) return text(done.error());
  return Imported{*report, snapshot_id};
}

}  // namespace

std::string RefusedBackup(const std::string& error, const std::string& db, const std::string& untouched) {
  return error + "\n\n" + untouched + " as before. Correct the backup or use another one; `databend-metactl verify" +
         (db.empty() ? "" : " --db " + db) + "` checks a backup without importing it.";
}

CommandResult ImportIntoDirectory(const ImportCommand& command, const OpenDirectory& open_directory,
                                  const Terminal& terminal) {
  SayImportParameters(command, terminal);
  std::optional<backup::NewCluster> cluster;
  if (!command.initial_cluster.empty()) {
    auto parsed = backup::ParseNewCluster(command.initial_cluster, NodeId(command.id));
    if (!parsed) return std::unexpected(parsed.error());
    cluster = std::move(*parsed);
    SayNewCluster(*cluster, terminal);
  }
  auto lines = BackupReader::Open(command.db, terminal.in);
  if (!lines) return std::unexpected(lines.error());
  terminal.err << "    From: " << (*lines)->name() << std::endl;
  const auto imported = Import(**lines, command, cluster, open_directory, terminal);
  if (!imported) return std::unexpected(imported.error());
  SayImported(*imported, command, terminal);
  return {};
}

}  // namespace metasrv::ctl
