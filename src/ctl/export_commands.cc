#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "backup/exporter.h"
#include "backup/parse.h"
#include "ctl/backup_file.h"
#include "ctl/backup_texts.h"
#include "ctl/commands.h"
#include "ctl/meta_client.h"
#include "ctl/probe.h"
#include "ctl/progress.h"

namespace metasrv::ctl {
namespace {

struct DirectorySource {
  backup::Source source;
  std::uint64_t lines_estimate = 0;
};

std::expected<DirectorySource, std::string> SourceOf(OfflineDirectory& directory, const ExportCommand& command) {
  auto content = directory.Load();
  if (!content) return std::unexpected(content.error().detail);
  if (!content->log.node_id) {
    if (auto done = directory.SetNodeId(NodeId(command.id)); !done) return std::unexpected(done.error().detail);
    content->log.node_id = NodeId(command.id);
  }
  auto& log = content->log;
  return DirectorySource{
      {*log.node_id, log.hard_state, log.committed, log.purged, std::move(content->entries), std::move(content->state)},
      content->rows_estimate};
}

// `error`, and where the lines so far are.
std::unexpected<std::string> Failed(std::string error, const BackupWriter& target) {
  if (!target.partial_name().empty()) error += "\n\nThe lines so far are in " + target.partial_name() + ".";
  return std::unexpected(std::move(error));
}

void SayOnlineExport(const ExportCommand& command, const Terminal& terminal) {
  const std::string to = command.db.empty() ? "<stdout>" : "File: " + command.db;
  const std::string chunk = command.chunk_size ? "Some(" + std::to_string(*command.chunk_size) + ")" : "None";
  terminal.err << "\nExport:\n    From: online meta-service: " << command.grpc_address
               << "\n    Export To: " << command.db << "\n    Export Chunk Size: " << chunk << "\n    To:   " << to
               << std::endl;
}

// An export from a running node often shares the machine with it, and has time.
void GiveWay() {
  constexpr int kNice = 19;
  static_cast<void>(setpriority(PRIO_PROCESS, 0, kNice));
}

// Checks each line before it is written.
CommandResult ReceiveLines(MetaClient& client, const ExportCommand& command, BackupWriter& target,
                           const Terminal& terminal) {
  backup::LineParser parser;
  Progress progress(terminal.watched());
  return client.Export(command.chunk_size, [&](const std::string& line) -> CommandResult {
    if (const auto parsed = parser.Parse(line); !parsed) {
      terminal.err << "Invalid json string: " << Quoted(line) << "\n              Error: " << parsed.error().reason
                   << std::endl;
      return std::unexpected(parsed.error().reason);
    }
    progress.Advance([] { return std::nullopt; });
    return target.Write(line);
  });
}

}  // namespace

CommandResult ExportFromServer(const ExportCommand& command, const Terminal& terminal) {
  SayOnlineExport(command, terminal);
  GiveWay();
  std::string warnings;
  auto alive = ProbeServer(command.grpc_address, &warnings);
  terminal.err << warnings;
  if (!alive) return alive;
  auto client = MetaClient::Connect(command.grpc_address, std::nullopt);
  if (!client) return std::unexpected(client.error());
  auto target = BackupWriter::Open(command.db, terminal.out);
  if (!target) return std::unexpected(target.error());
  if (auto received = ReceiveLines(**client, command, **target, terminal); !received) {
    return Failed(received.error(), **target);
  }
  return (*target)->Finish();
}

CommandResult ExportFromDirectory(const ExportCommand& command, const OpenDirectory& open_directory,
                                  const Terminal& terminal) {
  auto directory = open_directory(*command.raft_dir);
  if (!directory) return std::unexpected(directory.error().detail);
  SayUpgradeCheck(terminal);
  terminal.err << "\nExport:\n    From: " << *command.raft_dir
               << "\n    To:   " << (command.db.empty() ? "<stdout>" : "File: " + command.db) << std::endl;
  auto from = SourceOf(**directory, command);
  if (!from) return std::unexpected(from.error());
  auto target = BackupWriter::Open(command.db, terminal.out);
  if (!target) return std::unexpected(target.error());
  const std::uint64_t estimate = from->lines_estimate;
  backup::Exporter exporter(std::move(from->source));
  std::uint64_t count = 0;
  {
    Progress progress(terminal.watched());
    for (std::string line; exporter.Next(&line); ++count) {
      if (auto written = (*target)->Write(line); !written) return Failed(written.error(), **target);
      progress.Advance([&]() -> std::optional<double> {
        return static_cast<double>(count) / static_cast<double>(std::max(estimate, count + 1));
      });
    }
  }
  if (auto finished = (*target)->Finish(); !finished) return finished;
  terminal.err << "Exported " << count << " records" << std::endl;
  return {};
}

}  // namespace metasrv::ctl
