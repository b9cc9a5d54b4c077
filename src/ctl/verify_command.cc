#include "backup/verify.h"

#include "ctl/backup_file.h"
#include "ctl/backup_texts.h"
#include "ctl/commands.h"
#include "ctl/feed.h"

namespace metasrv::ctl {
namespace {

std::string TextOf(const std::optional<LogId>& id) { return id ? ToString(*id) : "None"; }

std::string TextOf(const NodeSet& ids) {
  std::string text;
  for (const NodeId id : ids) text += (text.empty() ? "" : ", ") + std::to_string(id.value());
  return "[" + text + "]";
}

std::string LogText(const backup::VerifyReport& report) {
  std::string text = std::to_string(report.entries);
  if (report.first_entry) text += " (" + TextOf(report.first_entry) + " to " + TextOf(report.last_entry) + ")";
  return text;
}

// One line per item, like `status`.
void Print(const backup::VerifyReport& report, std::ostream& out) {
  out << "DataVersion: " << report.import.version << "\nRecords: " << report.import.record_count
      << "\nNodeId: " << (report.node_id ? std::to_string(report.node_id->value()) : "None") << "\nVote: "
      << (report.vote
              ? "T" + std::to_string(report.vote->term.value()) + "-N" + std::to_string(report.vote->node_id.value())
              : "None")
      << "\nCommitted: " << TextOf(report.committed) << "\nPurged: " << TextOf(report.purged)
      << "\nLogEntries: " << LogText(report) << "\nLastSeq: " << report.last_seq
      << "\nLastApplied: " << TextOf(report.import.last_applied)
      << "\nLastMembership: " << TextOf(report.membership_id);
  for (const NodeSet& config : report.membership.configs) out << " " << TextOf(config);
  out << "\nNodes: " << report.nodes.size() << "\nExpire: " << report.expiries << "\nGenericKV: " << report.records
      << "\nStateHash: " << StateHashText(report.import.state_hash) << "\n";
}

CommandResult Judge(const backup::VerifyReport& report, const VerifyCommand& command, const Terminal& terminal) {
  for (const backup::Finding& finding : report.findings) {
    terminal.err << "finding: " << finding.text;
    if (finding.line != 0) terminal.err << " (line " << finding.line << ")";
    terminal.err << "\n";
  }
  const std::uint64_t unnamed = report.findings_total - report.findings.size();
  if (unnamed > 0) terminal.err << "finding: and " << unnamed << " more\n";
  const std::string hash = StateHashText(report.import.state_hash);
  if (command.state_hash && *command.state_hash != hash) {
    return std::unexpected("the state hash is " + hash + ", not " + *command.state_hash +
                           ": the backup does not hold the state that was asked for");
  }
  if (report.findings_total == 0) return {};
  return std::unexpected("the backup contradicts itself, findings: " + std::to_string(report.findings_total) +
                         ". `import` would take it as it is; prefer another backup.");
}

}  // namespace

CommandResult Execute(const VerifyCommand& command, const Terminal& terminal) {
  auto lines = BackupReader::Open(command.db, terminal.in);
  if (!lines) return std::unexpected(lines.error());
  terminal.err << "\nVerify:\n    From: " << (*lines)->name() << std::endl;
  backup::Verifier verifier;
  const auto fed = FeedLines(**lines, terminal, [&](std::string_view line) { return verifier.Add(line); });
  if (!fed) return fed;
  const auto report = verifier.Finish((*lines)->ends_within_a_line());
  if (!report) return std::unexpected(ToString(report.error()));
  Print(*report, terminal.out);
  return Judge(*report, command, terminal);
}

}  // namespace metasrv::ctl
