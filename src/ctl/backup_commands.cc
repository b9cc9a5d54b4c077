#include <fstream>
#include <utility>

#include "backup/exporter.h"
#include "backup/import.h"
#include "backup/parse.h"
#include "backup/recluster.h"
#include "backup/version.h"
#include "ctl/commands.h"
#include "ctl/meta_client.h"
#include "ctl/probe.h"

namespace metasrv::ctl {
namespace {

constexpr std::string_view kDataVersion = backup::kDataVersion;

// The same three lines precede every use of a data directory (export-format.md §11.6). There is never anything to do:
// older directories come over by export and import.
void SayUpgradeCheck(const Terminal& terminal) {
  terminal.err << "Upgrade ondisk data if out of date: " << kDataVersion << "\n"
               << "    Find and clean previous unfinished upgrading\n"
               << "Upgrade ondisk data finished: " << kDataVersion << std::endl;
}

// Where the lines of an export go: a file that is created or emptied, or standard output.
class LineTarget {
 public:
  LineTarget(const std::string& db, std::ostream& otherwise) : out_(otherwise), name_(db) {
    if (!db.empty()) file_.open(db, std::ios::binary | std::ios::trunc);
  }

  CommandResult Check() { return name_.empty() || file_.is_open() ? CommandResult() : Failed(); }

  CommandResult Write(const std::string& line) {
    stream() << line << '\n';
    return stream() ? CommandResult() : Failed();
  }

  CommandResult Finish() {
    stream().flush();
    return stream() ? CommandResult() : Failed();
  }

 private:
  std::ostream& stream() { return name_.empty() ? out_ : file_; }
  CommandResult Failed() const {
    return std::unexpected("can not write to " + (name_.empty() ? "standard output" : name_));
  }

  std::ostream& out_;
  std::string name_;
  std::ofstream file_;
};

// Text in double quotes with the quotes and backslashes inside escaped.
std::string Quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result.push_back('\\');
    result.push_back(c);
  }
  return result + "\"";
}

std::expected<backup::Source, std::string> SourceOf(OfflineDirectory& directory, const ExportCommand& command) {
  auto content = directory.Load();
  if (!content) return std::unexpected(content.error().detail);
  if (!content->log.node_id) {
    if (auto done = directory.SetNodeId(NodeId(command.id)); !done) return std::unexpected(done.error().detail);
    content->log.node_id = NodeId(command.id);
  }
  auto& log = content->log;
  return backup::Source{
      *log.node_id, log.hard_state, log.committed, log.purged, std::move(content->entries), std::move(content->state)};
}

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

CommandResult FeedLines(std::istream& lines, backup::Importer& importer) {
  std::string line;
  while (std::getline(lines, line)) {
    if (auto taken = importer.Add(line); !taken) return std::unexpected(ToString(taken.error()));
  }
  if (lines.bad()) return std::unexpected("can not read the backup");
  return {};
}

void SayImported(const backup::ImportReport& report, const ImportCommand& command, const Terminal& terminal) {
  std::string snapshot = "--";
  if (const auto& last = report.last_applied) {
    snapshot = std::to_string(last->term.value()) + "-" + std::to_string(last->leader.value()) + "-" +
               std::to_string(last->index.value());
  }
  terminal.err << kDataVersion << ": Imported " << report.record_count << " records, snapshot: " << snapshot
               << "; snapshot_path: " << command.raft_dir << "/df_meta/" << kDataVersion << "/state\n"
               << kDataVersion << ": written on-disk header: " << kDataVersion << "\n";
  SayUpgradeCheck(terminal);
  terminal.err << "Finished import, max_log_id: '" << (report.max_log_id ? ToString(*report.max_log_id) : "None") << "'"
               << std::endl;
}

// Reads the whole document into a replacement of the directory and puts it in place; a failure leaves the old data.
std::expected<backup::ImportReport, std::string> Restore(std::istream& lines, const ImportCommand& command,
                                                         const std::optional<backup::NewCluster>& cluster,
                                                         const OpenDirectory& open_directory) {
  const auto text = [](const io::Error& error) { return std::unexpected(error.detail); };
  auto directory = open_directory(command.raft_dir);
  if (!directory) return text(directory.error());
  auto replacement = (*directory)->Replace();
  if (!replacement) return text(replacement.error());
  backup::Importer importer((*replacement)->sink());
  if (auto fed = FeedLines(lines, importer); !fed) return std::unexpected(fed.error());
  auto report = importer.Finish(cluster);
  if (!report) return std::unexpected(ToString(report.error()));
  if (auto done = (*replacement)->Commit(); !done) return text(done.error());
  return *report;
}

}  // namespace

CommandResult ExportFromServer(const ExportCommand& command, const Terminal& terminal) {
  const std::string to = command.db.empty() ? "<stdout>" : "File: " + command.db;
  const std::string chunk = command.chunk_size ? "Some(" + std::to_string(*command.chunk_size) + ")" : "None";
  terminal.err << "\nExport:\n    From: online meta-service: " << command.grpc_address
               << "\n    Export To: " << command.db << "\n    Export Chunk Size: " << chunk << "\n    To:   " << to
               << std::endl;
  std::string warnings;
  auto alive = ProbeServer(command.grpc_address, &warnings);
  terminal.err << warnings;
  if (!alive) return alive;
  auto client = MetaClient::Connect(command.grpc_address, std::nullopt);
  if (!client) return std::unexpected(client.error());
  LineTarget target(command.db, terminal.out);
  if (auto open = target.Check(); !open) return open;
  backup::LineParser parser;
  auto done = (*client)->Export(command.chunk_size, [&](const std::string& line) -> CommandResult {
    if (const auto parsed = parser.Parse(line); !parsed) {
      terminal.err << "Invalid json string: " << Quoted(line) << "\n              Error: " << parsed.error().reason
                   << std::endl;
      return std::unexpected(parsed.error().reason);
    }
    return target.Write(line);
  });
  if (auto flushed = target.Finish(); !flushed) return flushed;
  return done;
}

CommandResult ExportFromDirectory(const ExportCommand& command, const OpenDirectory& open_directory,
                                  const Terminal& terminal) {
  auto directory = open_directory(*command.raft_dir);
  if (!directory) return std::unexpected(directory.error().detail);
  SayUpgradeCheck(terminal);
  terminal.err << "\nExport:\n    From: " << *command.raft_dir
               << "\n    To:   " << (command.db.empty() ? "<stdout>" : "File: " + command.db) << std::endl;
  auto source = SourceOf(**directory, command);
  if (!source) return std::unexpected(source.error());
  LineTarget target(command.db, terminal.out);
  if (auto open = target.Check(); !open) return open;
  backup::Exporter exporter(std::move(*source));
  std::uint64_t count = 0;
  for (std::string line; exporter.Next(&line); ++count) {
    if (auto written = target.Write(line); !written) return written;
  }
  if (auto flushed = target.Finish(); !flushed) return flushed;
  terminal.err << "Exported " << count << " records" << std::endl;
  return {};
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
  std::ifstream file;
  if (!command.db.empty()) {
    file.open(command.db, std::ios::binary);
    if (!file.is_open()) return std::unexpected("can not open " + command.db);
  }
  terminal.err << "    From: " << (command.db.empty() ? "<stdin>" : command.db) << std::endl;
  auto report = Restore(command.db.empty() ? terminal.in : file, command, cluster, open_directory);
  if (!report) return std::unexpected(report.error());
  SayImported(*report, command, terminal);
  return {};
}

}  // namespace metasrv::ctl
