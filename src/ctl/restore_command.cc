#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "backup/import.h"
#include "backup/recluster.h"
#include "ctl/backup_file.h"
#include "ctl/backup_texts.h"
#include "ctl/commands.h"
#include "ctl/feed.h"
#include "ctl/threaded_sink.h"

namespace metasrv::ctl {
namespace {

using Status = std::expected<void, std::string>;

// The directories to prepare, by node.
using Directories = std::map<NodeId, std::string>;

// "<id>=<dir>".
std::expected<std::pair<NodeId, std::string>, std::string> ParseDirectory(const std::string& text) {
  const std::size_t equal = text.find('=');
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + std::min(equal, text.size()), id);
  if (equal == std::string::npos || equal + 1 == text.size() || error != std::errc() || end != text.data() + equal) {
    return std::unexpected("invalid --raft-dir: " + text + "; it must be <id>=<directory>");
  }
  return std::pair(NodeId(id), text.substr(equal + 1));
}

std::expected<Directories, std::string> DirectoriesOf(const RestoreCommand& command,
                                                      const std::map<NodeId, Endpoint>& members) {
  Directories directories;
  if (command.raft_dir_root) {
    for (const auto& [id, endpoint] : members) {
      directories[id] = *command.raft_dir_root + "/meta" + std::to_string(id.value());
    }
    return directories;
  }
  std::set<std::string> taken;
  for (const std::string& text : command.raft_dirs) {
    auto parsed = ParseDirectory(text);
    if (!parsed) return std::unexpected(parsed.error());
    const auto& [id, directory] = *parsed;
    if (!members.contains(id)) {
      return std::unexpected("--raft-dir " + text + " is for a node that --initial-cluster does not name");
    }
    if (!taken.insert(directory).second || directories.contains(id)) {
      return std::unexpected("--raft-dir " + text + ": every node needs one directory of its own");
    }
    directories[id] = directory;
  }
  return directories;
}

// One directory that is being prepared.
struct Target {
  NodeId id;
  std::string path;
  std::unique_ptr<OfflineDirectory> directory;
  std::unique_ptr<Replacement> replacement;
};

// One import into several directories, which differ in the node's id only.
class ManySinks final : public backup::ImportSink {
 public:
  explicit ManySinks(const std::vector<Target>& targets) : targets_(targets) {}

  Status WriteLog(io::LogBatch batch) override {
    for (const Target& target : targets_) {
      io::LogBatch own = batch;
      if (own.node_id) own.node_id = target.id;
      if (auto written = target.replacement->sink().WriteLog(std::move(own)); !written) return written;
    }
    return {};
  }
  Status WriteState(std::vector<sm::Row> rows) override {
    for (const Target& target : targets_) {
      if (auto written = target.replacement->sink().WriteState(rows); !written) return written;
    }
    return {};
  }
  bool HasRow(std::string_view key) const override { return targets_.front().replacement->sink().HasRow(key); }

 private:
  const std::vector<Target>& targets_;
};

// Locks all of them before anything is done to one.
std::expected<std::vector<Target>, std::string> OpenTargets(const Directories& directories, bool overwrite,
                                                            const OpenDirectory& open_directory) {
  std::vector<Target> targets;
  for (const auto& [id, path] : directories) {
    auto directory = open_directory(path);
    if (!directory) return std::unexpected(directory.error().detail);
    if (!overwrite && !(*directory)->IsEmpty()) {
      return std::unexpected("'" + path + "' already holds the data of a node. Nothing was changed; move it away, or " +
                             "replace it with --overwrite");
    }
    targets.push_back({id, path, *std::move(directory), nullptr});
  }
  for (Target& target : targets) {
    auto replacement = target.directory->Replace();
    if (!replacement) return std::unexpected(replacement.error().detail);
    target.replacement = *std::move(replacement);
  }
  return targets;
}

// The directories get their content one after the other, when all are complete.
Status CommitAll(std::vector<Target>& targets, const std::string& snapshot_id) {
  std::string done;
  for (Target& target : targets) {
    if (auto committed = target.replacement->Commit(snapshot_id); !committed) {
      return std::unexpected(
          committed.error().detail + "\n\n" +
          (done.empty() ? "Nothing was changed." : "Restored: " + done + "; the others are as before.") +
          " Repeat the command with --overwrite when the reason is gone.");
    }
    done += (done.empty() ? "'" : ", '") + target.path + "'";
  }
  return {};
}

std::expected<backup::ImportReport, std::string> Restore(BackupReader& lines, const RestoreCommand& command,
                                                         const backup::NewCluster& cluster,
                                                         std::vector<Target>& targets, const Terminal& terminal) {
  const auto refused = [&](const std::string& error) {
    return std::unexpected(RefusedBackup(error, command.db, "All directories are"));
  };
  ManySinks sinks(targets);
  ThreadedSink sink(sinks);
  backup::Importer importer(sink);
  const auto fed = FeedLines(lines, terminal, [&](std::string_view line) { return importer.Add(line); });
  if (!fed) return refused(fed.error());
  auto report = importer.Finish(cluster);
  if (!report) return refused(ToString(report.error()));
  if (auto written = sink.Drain(); !written) return std::unexpected(written.error());
  const std::string snapshot_id = NewSnapshotId(report->last_applied);
  if (auto committed = CommitAll(targets, snapshot_id); !committed) return std::unexpected(committed.error());
  return *report;
}

// As a shell takes it as one word.
std::string ShellWord(const std::string& text) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string word = "'";
  for (const char c : text) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

void SayElsewhere(const backup::NewCluster& cluster, const Directories& directories, const RestoreCommand& command,
                  std::ostream& out) {
  for (const auto& [id, endpoint] : cluster.members) {
    if (directories.contains(id)) continue;
    out << "  databend-metactl restore" << (command.db.empty() ? "" : " --db " + ShellWord(command.db));
    for (const auto& peer : command.initial_cluster) out << " --initial-cluster " << ShellWord(peer);
    out << " --raft-dir " << id.value() << "=<directory of node " << id.value() << ">\n";
  }
}

void SayNextSteps(const backup::ImportReport& report, const backup::NewCluster& cluster, const Directories& directories,
                  const RestoreCommand& command, std::ostream& out) {
  for (const auto& [id, path] : directories) out << "Restored: id=" << id.value() << " raft-dir=" << path << "\n";
  out << "Records: " << report.record_count
      << "\nLastApplied: " << (report.last_applied ? ToString(*report.last_applied) : "None")
      << "\nStateHash: " << StateHashText(report.state_hash) << "\n";
  if (directories.size() < cluster.members.size()) {
    out << "\nRestore the other members from the same backup, where they are:\n";
    SayElsewhere(cluster, directories, command, out);
  }
  out << "\nStart every node with its own configuration, without --single and --join; it must say the same as:\n";
  for (const auto& [id, path] : directories) {
    const Endpoint& endpoint = cluster.members.at(id);
    out << "  databend-meta --id " << id.value() << " --raft-dir " << ShellWord(path) << " --raft-advertise-host "
        << ShellWord(endpoint.host) << " --raft-api-port " << endpoint.port << "\n";
  }
  out << "\nUntil a key is written or expires, every node shows the state hash above:\n"
      << "  curl http://<admin address of a node>/v1/cluster/state_hash\n";
}

}  // namespace

CommandResult RestoreCluster(const RestoreCommand& command, const OpenDirectory& open_directory,
                             const Terminal& terminal) {
  auto peers = backup::ParsePeers(command.initial_cluster);
  if (!peers) return std::unexpected(peers.error());
  const auto directories = DirectoriesOf(command, *peers);
  if (!directories) return std::unexpected(directories.error());
  const backup::NewCluster cluster{directories->begin()->first, *std::move(peers)};
  auto lines = BackupReader::Open(command.db, terminal.in);
  if (!lines) return std::unexpected(lines.error());
  terminal.err << "\nRestore:\n    From: " << (*lines)->name() << "\n";
  for (const auto& [id, path] : *directories) {
    terminal.err << "    Into: id=" << id.value() << " raft=" << ToString(cluster.members.at(id)) << " '" << path
                 << "'\n";
  }
  terminal.err << std::flush;
  auto targets = OpenTargets(*directories, command.overwrite, open_directory);
  if (!targets) return std::unexpected(targets.error());
  const auto report = Restore(**lines, command, cluster, *targets, terminal);
  if (!report) return std::unexpected(report.error());
  SayNextSteps(*report, cluster, *directories, command, terminal.out);
  return {};
}

}  // namespace metasrv::ctl
