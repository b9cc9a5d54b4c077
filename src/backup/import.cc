#include "backup/import.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "backup/version.h"
#include "sm/layout.h"

namespace metasrv::backup {
namespace {

// How much is collected before it is handed to the sink.
constexpr std::size_t kBatchBytes = 1024 * 1024;

constexpr std::string_view kStateTreePrefix = "state_machine/";

std::string Text(std::uint64_t value) { return std::to_string(value); }

// Versions too old to be imported, and the newest program that still could.
std::string InvalidVersion(std::string_view version) {
  std::string_view compatible = version == "V0" ? "V001" : "V002";
  return "invalid data version: " + LongVersion(version) + ", This program version is " + LongVersion(kDataVersion) +
         "; The latest compatible program version is: " + LongVersion(compatible);
}

// The key of a record or expiry row, for people.
std::string Describe(std::string_view row) {
  if (row[0] == sm::kRecordTable) return "key `" + std::string(sm::KeyOfRecordRow(row)) + "`";
  auto [time_ms, seq] = sm::TimeAndSeqOfExpireRow(row);
  return "expiry entry (" + Text(time_ms) + ", " + Text(seq) + ")";
}

}  // namespace

std::string ToString(const ImportError& error) {
  if (error.line == 0) return error.reason;
  return error.reason + " (line " + Text(error.line) + ", column " + Text(error.column) + ")";
}

void Importer::LogEnds::Append(const LogId& id) {
  last = id;
  const bool same = !leaders.empty() && leaders.back().term == id.term && leaders.back().leader == id.leader;
  if (!same) leaders.push_back(id);
}

LogId Importer::LogEnds::After(LogIndex index) const {
  const LogIndex next = std::max(index.Next(), leaders.front().index);
  const auto behind = std::ranges::upper_bound(leaders, next, {}, &LogId::index);
  const LogId& leader = *std::prev(behind);
  return {leader.term, leader.leader, next};
}

std::expected<void, ImportError> Importer::Add(std::string_view text) {
  ++line_number_;
  std::expected<Line, ParseError> line = parser_.Parse(text);
  if (!line.has_value()) {
    return std::unexpected(ImportError{line_number_, line.error().column, std::move(line.error().reason)});
  }
  if (observer_ != nullptr && line_number_ > 1) observer_->See(line_number_, *line);
  const std::size_t column = line->entry_column;
  Status status = line_number_ == 1 ? TakeHeader(*line) : Route(std::move(*line));
  if (!status) return std::unexpected(ImportError{line_number_, column, std::move(status.error())});
  return {};
}

Importer::Status Importer::TakeHeader(const Line& line) {
  // Documents of the first version had no header.
  if (line.tree != "header") return std::unexpected(InvalidVersion("V0"));
  const auto* header = std::get_if<HeaderLine>(&line.record);
  if (header == nullptr) return std::unexpected("the header line holds " + line.variant + " instead of DataHeader");
  if (header->key != "header") return std::unexpected("the header line has the key `" + header->key + "`");
  if (header->version == "V0" || header->version == "V001") return std::unexpected(InvalidVersion(header->version));
  report_.version = header->version;
  return {};
}

Importer::Status Importer::Route(Line line) {
  bool state_tree = line.tree.starts_with(kStateTreePrefix);
  if (line.part == Part::kHeader) {
    report_.record_count += state_tree ? 1 : 0;
    return {};
  }
  ++report_.record_count;
  if (state_tree && line.part == Part::kLog) {
    return std::unexpected("Failed to convert RaftStoreEntry to SMEntry: SMEntry does not contain " + line.variant);
  }
  if (!state_tree && line.part == Part::kState) {
    return std::unexpected("tree `" + line.tree + "` cannot contain " + line.variant);
  }
  return state_tree ? TakeState(std::move(line.record)) : TakeLog(std::move(line.record));
}

Importer::Status Importer::TakeState(Record record) {
  if (auto* sequences = std::get_if<SequencesLine>(&record)) {
    state_.last_seq = sequences->last_seq;
  } else if (auto* applied = std::get_if<LastAppliedLine>(&record)) {
    state_.last_applied = applied->id;
  } else if (auto* membership = std::get_if<LastMembershipLine>(&record)) {
    state_.membership = std::move(membership->membership);
  } else if (auto* node = std::get_if<NodeLine>(&record)) {
    state_.nodes[node->id] = std::move(node->node);
  } else if (auto* expire = std::get_if<ExpireLine>(&record)) {
    return TakeRow(sm::ExpireRow(expire->time_ms, expire->seq), expire->value.SerializeAsString());
  } else if (auto* kv = std::get_if<KvLine>(&record)) {
    return TakeRow(sm::RecordRow(kv->key), kv->record.SerializeAsString());
  }
  return {};
}

Importer::Status Importer::TakeLog(Record record) {
  if (auto* node_id = std::get_if<NodeIdLine>(&record)) {
    node_id_ = node_id->id;
  } else if (auto* vote = std::get_if<VoteLine>(&record)) {
    return TakeVote(vote->vote);
  } else if (auto* committed = std::get_if<CommittedLine>(&record)) {
    return TakeCommitted(committed->id);
  } else if (auto* purged = std::get_if<PurgedLine>(&record)) {
    return TakePurged(purged->id);
  } else if (auto* entry = std::get_if<EntryLine>(&record)) {
    return TakeEntry(std::move(entry->entry));
  }
  return {};
}

Importer::Status Importer::TakeVote(const std::optional<Vote>& vote) {
  if (!vote.has_value()) return {};
  auto rank = [](const Vote& v) { return std::tuple(v.term, v.node_id, v.committed); };
  if (vote_.has_value() && rank(*vote) < rank(*vote_))
    return std::unexpected("the vote is smaller than an earlier one");
  vote_ = vote;
  return {};
}

Importer::Status Importer::TakeCommitted(const std::optional<LogId>& id) {
  if (!id.has_value()) return {};
  if (committed_.has_value() && BackupLess(*id, *committed_)) {
    return std::unexpected("committed goes back from " + ToString(*committed_) + " to " + ToString(*id));
  }
  committed_ = id;
  return {};
}

Importer::Status Importer::TakePurged(const std::optional<LogId>& id) {
  if (!id.has_value() || (log_.purged.has_value() && !BackupLess(*log_.purged, *id))) return {};
  if (Status status = CheckIndex(*id); !status) return status;
  if (!log_.last.has_value() || log_.last->index <= id->index) return ResetLog(*id);
  // As if it had come before the entries, which then go on from it.
  if (Status status = CheckFollows(*id, log_.After(id->index)); !status) return status;
  log_.purged = id;
  io::LogBatch batch;
  batch.purge_to = id;
  return FlushLog(std::move(batch));
}

Importer::Status Importer::TakeEntry(Entry entry) {
  if (!report_.max_log_id.has_value() || BackupLess(*report_.max_log_id, entry.id)) report_.max_log_id = entry.id;
  return AppendEntry(std::move(entry));
}

Importer::Status Importer::CheckIndex(const LogId& id) {
  if (id.index.value() < std::numeric_limits<std::uint64_t>::max()) return {};
  return std::unexpected("the log index of " + ToString(id) + " is the greatest there is: no entry could follow");
}

Importer::Status Importer::CheckFollows(const LogId& before, const LogId& id) {
  if (id.index != before.index.Next()) {
    return std::unexpected("log entries are not consecutive: " + ToString(id) + " follows " + ToString(before));
  }
  if (!BackupLess(before, id)) {
    return std::unexpected("log ids do not grow: " + ToString(id) + " follows " + ToString(before));
  }
  return {};
}

Importer::Status Importer::AppendEntry(Entry entry) {
  const std::optional<LogId>& before = log_.last.has_value() ? log_.last : log_.purged;
  if (Status status = CheckIndex(entry.id); !status) return status;
  if (before.has_value()) {
    if (Status status = CheckFollows(*before, entry.id); !status) return status;
  }
  log_.Append(entry.id);
  entry_bytes_ += entry.ByteSize();
  entries_.push_back(std::move(entry));
  return entry_bytes_ < kBatchBytes ? Status() : FlushLog();
}

Importer::Status Importer::ResetLog(const LogId& purged) {
  entries_.clear();
  entry_bytes_ = 0;
  log_ = {std::nullopt, purged, {}};
  io::LogBatch batch;
  batch.reset_to = purged;
  return sink_.WriteLog(std::move(batch));
}

Importer::Status Importer::FlushLog(io::LogBatch batch) {
  batch.append = std::exchange(entries_, {});
  entry_bytes_ = 0;
  return sink_.WriteLog(std::move(batch));
}

Importer::Status Importer::TakeRow(std::string key, std::string value) {
  std::string& greatest = greatest_row_[key[0]];
  if (greatest < key) {
    greatest = key;
    return PutRow(std::move(key), std::move(value));
  }
  // Out of order: only the sink knows whether it came before.
  if (Status status = FlushRows(); !status) return status;
  if (sink_.HasRow(key)) return std::unexpected("duplicate " + Describe(key));
  return PutRow(std::move(key), std::move(value));
}

Importer::Status Importer::PutRow(std::string key, std::string value) {
  state_hash_.Add(key, value);
  row_bytes_ += key.size() + value.size();
  rows_.emplace_back(std::move(key), std::move(value));
  return row_bytes_ < kBatchBytes ? Status() : FlushRows();
}

Importer::Status Importer::FlushRows() {
  row_bytes_ = 0;
  if (rows_.empty()) return {};
  return sink_.WriteState(std::exchange(rows_, {}));
}

std::expected<ImportReport, ImportError> Importer::Finish(const std::optional<NewCluster>& new_cluster) {
  if (line_number_ == 0) return std::unexpected(ImportError{.reason = "no data found"});
  report_.last_applied = state_.last_applied;
  Status status = new_cluster.has_value() ? Recluster(*new_cluster) : Status();
  if (status) status = FinishState();
  if (status) status = FinishLog();
  if (!status) return std::unexpected(ImportError{.reason = std::move(status.error())});
  return report_;
}

Importer::Status Importer::Recluster(const NewCluster& new_cluster) {
  node_id_ = new_cluster.self;
  state_.nodes = new_cluster.Nodes();
  *state_.membership.mutable_membership() = ToProto(new_cluster.MembershipOf());
  state_.membership.clear_log_id();
  const std::optional<LogId>& applied = state_.last_applied;
  if (applied.has_value()) *state_.membership.mutable_log_id() = ToProto(*applied);

  std::optional<LogId> base = report_.max_log_id;
  if (applied.has_value() && (!base.has_value() || BackupLess(*base, *applied))) base = applied;
  if (base.has_value()) {
    if (Status status = CheckIndex(*base); !status) return status;
  }
  const std::optional<LogId>& end = log_.last.has_value() ? log_.last : log_.purged;
  // The state is ahead of the log: its entries are of no use any more, and the new ones would leave a gap (§12.2).
  if (end.has_value() && base->index != end->index && BackupLess(*end, *base)) {
    if (Status status = ResetLog(*base); !status) return status;
  }
  for (Entry& entry : new_cluster.EntriesAfter(base)) {
    if (Status status = AppendEntry(std::move(entry)); !status) return status;
  }
  return {};
}

Importer::Status Importer::FinishState() {
  if (Status status = PutRow(std::string(sm::kLastSeqRow), Text(state_.last_seq)); !status) return status;
  if (state_.last_applied.has_value()) {
    Status status = PutRow(std::string(sm::kLastAppliedRow), ToProto(*state_.last_applied).SerializeAsString());
    if (!status) return status;
  }
  Status status = PutRow(std::string(sm::kLastMembershipRow), state_.membership.SerializeAsString());
  for (const auto& [id, node] : state_.nodes) {
    if (!status) return status;
    status = PutRow(sm::NodeRow(id), node.SerializeAsString());
  }
  if (!status) return status;
  // Stored with the rows, so that a node that starts on them has not to read all of them for it.
  report_.state_hash = state_hash_.value();
  status = PutRow(std::string(sm::kStateHashRow), Text(report_.state_hash));
  return status ? FlushRows() : status;
}

Importer::Status Importer::FinishLog() {
  io::LogBatch batch;
  batch.node_id = node_id_;
  if (vote_.has_value()) batch.hard_state = HardStateOf(*vote_);
  batch.committed = committed_;
  return FlushLog(std::move(batch));
}

}  // namespace metasrv::backup
