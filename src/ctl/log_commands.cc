#include <filesystem>

#include "ctl/commands.h"
#include "ctl/log_text.h"

namespace metasrv::ctl {
namespace {

// "000_000_046": at least `digits` digits, in groups of three.
std::string Grouped(std::uint64_t value, std::size_t digits) {
  std::string text = std::to_string(value);
  if (text.size() < digits) text.insert(0, digits - text.size(), '0');
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, '_');
  return text;
}

std::string IdText(const std::optional<LogId>& id) { return id ? ToString(*id) : "None"; }

// Numbers the records of a log as those of one chunk. Offsets count the bytes of the entries; what is not an entry is
// kept beside the log and has none.
class RecordPrinter {
 public:
  explicit RecordPrinter(std::ostream& out) : out_(out) { out_ << "RaftLog:\nChunkId(" << Grouped(0, 20) << ")\n"; }

  void Print(const std::string& record, std::uint64_t bytes = 0) {
    std::string number = std::to_string(count_++);
    if (number.size() < 5) number.insert(0, 5 - number.size(), '0');
    out_ << "  R-" << number << ": [" << Grouped(offset_, 9) << ", " << Grouped(offset_ + bytes, 9) << ") Size("
         << bytes << "): " << record << '\n';
    offset_ += bytes;
  }

 private:
  std::ostream& out_;
  std::uint64_t count_ = 0;
  std::uint64_t offset_ = 0;
};

// Where the entries that follow begin.
std::string CheckpointText(const io::LogContents& log) {
  const std::string identity =
      log.node_id ? "LogStoreMeta{ node_id: Some(" + std::to_string(log.node_id->value()) + ") }" : "None";
  return "Checkpoint(RaftLogState(vote: None, last: " + IdText(log.purged) +
         ", committed: None, purged: " + IdText(log.purged) + ", user_data: " + identity + "))";
}

}  // namespace

CommandResult DumpLog(const DumpLogCommand& command, const OpenDirectory& open_directory, const Terminal& terminal) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(command.raft_dir + "/df_meta", ignored)) {
    return std::unexpected("'" + command.raft_dir + "' is not the data directory of a node: it has no df_meta");
  }
  auto directory = open_directory(command.raft_dir);
  if (!directory) return std::unexpected(directory.error().detail);
  auto content = (*directory)->Load();
  if (!content) return std::unexpected(content.error().detail);
  const auto& log = content->log;
  RecordPrinter printer(terminal.out);
  printer.Print(CheckpointText(log));
  while (const auto entry = content->entries->Next()) {
    printer.Print("Append(log_id: " + ToString(entry->id) + ", payload: " + PayloadText(*entry) + ")",
                  entry->ByteSize());
    if (command.decode_values) terminal.out << DecodedValuesText(*entry);
    if (command.raw) terminal.out << RawValuesText(*entry);
  }
  if (log.hard_state) {
    const auto vote = backup::VoteOf(*log.hard_state, log.node_id.value_or(NodeId()));
    printer.Print("SaveVote(" + VoteText(vote) + ")");
  }
  if (log.committed) printer.Print("Commit(" + ToString(*log.committed) + ")");
  return {};
}

}  // namespace metasrv::ctl
