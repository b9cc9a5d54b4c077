#include "backup/verify.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "sm/layout.h"

namespace metasrv::backup {
namespace {

std::string Text(std::uint64_t value) { return std::to_string(value); }

std::string Text(const Expiry& expiry) { return "(" + Text(expiry.time_ms) + ", " + Text(expiry.seq) + ")"; }

}  // namespace

void Verifier::Look::Find(std::uint64_t line, std::string text) {
  ++report_.findings_total;
  if (report_.findings.size() < kFindingsMax) report_.findings.push_back({line, std::move(text)});
}

void Verifier::Look::See(std::uint64_t number, const Line& line) {
  const Record& record = line.record;
  if (const auto* kv = std::get_if<KvLine>(&record)) {
    See(number, *kv);
  } else if (const auto* expire = std::get_if<ExpireLine>(&record)) {
    See(number, *expire);
  } else if (const auto* entry = std::get_if<EntryLine>(&record)) {
    See(*entry);
  } else if (const auto* node_id = std::get_if<NodeIdLine>(&record)) {
    report_.node_id = node_id->id;
  } else if (const auto* vote = std::get_if<VoteLine>(&record)) {
    if (vote->vote) report_.vote = vote->vote;
  } else if (const auto* committed = std::get_if<CommittedLine>(&record)) {
    if (committed->id) report_.committed = committed->id;
  } else if (const auto* purged = std::get_if<PurgedLine>(&record)) {
    if (purged->id) SeePurged(*purged->id);
  } else if (const auto* sequences = std::get_if<SequencesLine>(&record)) {
    report_.last_seq = sequences->last_seq;
  } else if (const auto* membership = std::get_if<LastMembershipLine>(&record)) {
    report_.membership = FromProto(membership->membership.membership());
    report_.membership_id.reset();
    if (membership->membership.has_log_id()) report_.membership_id = FromProto(membership->membership.log_id());
  } else if (const auto* node = std::get_if<NodeLine>(&record)) {
    report_.nodes[node->id] = node->node;
  }
}

void Verifier::Look::See(std::uint64_t number, const KvLine& line) {
  ++report_.records;
  if (last_key_ && line.key <= *last_key_) {
    Find(number, "key `" + line.key + "` does not follow key `" + *last_key_ + "`");
  }
  last_key_ = line.key;
  const std::uint64_t seq = line.record.seq();
  if (seq == 0) Find(number, "key `" + line.key + "` has seq 0, which stands for an absent record");
  if (seq > greatest_seq_) std::tie(greatest_seq_, greatest_seq_line_) = std::tuple(seq, number);
  if (line.record.meta().has_expire_at()) {
    pairing_.AddRecord({sm::ExpireMillis(line.record.meta().expire_at()), seq}, line.key);
  }
}

void Verifier::Look::See(std::uint64_t number, const ExpireLine& line) {
  ++report_.expiries;
  const Expiry expiry{line.time_ms, line.seq};
  if (last_expiry_ && std::tie(expiry.time_ms, expiry.seq) <= std::tie(last_expiry_->time_ms, last_expiry_->seq)) {
    Find(number, "expiry entry " + Text(expiry) + " does not follow " + Text(*last_expiry_));
  } else if (last_key_) {
    Find(number, "expiry entry " + Text(expiry) + " comes after the records");
  }
  last_expiry_ = expiry;
  pairing_.AddEntry(expiry, line.value.key());
}

void Verifier::Look::See(const EntryLine& line) {
  const LogId& id = line.entry.id;
  ++report_.entries;
  if (!report_.first_entry) report_.first_entry = id;
  report_.last_entry = id;
  const bool same_leader = !terms_.empty() && terms_.rbegin()->second.term == id.term;
  if (!same_leader) terms_[id.index] = id;
}

void Verifier::Look::SeePurged(const LogId& id) {
  if (report_.purged && !BackupLess(*report_.purged, id)) return;
  report_.purged = id;
  if (!report_.last_entry) return;
  if (report_.last_entry->index <= id.index) {
    report_.entries = 0;
    report_.first_entry.reset();
    report_.last_entry.reset();
    return;
  }
  if (id.index < report_.first_entry->index) return;
  report_.entries = report_.last_entry->index.value() - id.index.value();
  report_.first_entry = EntryAt(id.index.Next());
}

std::optional<LogId> Verifier::Look::EntryAt(LogIndex index) const {
  if (!report_.last_entry || index > report_.last_entry->index) return std::nullopt;
  auto after = terms_.upper_bound(index);
  if (after == terms_.begin()) return std::nullopt;
  LogId id = std::prev(after)->second;
  id.index = index;
  return id;
}

void Verifier::Look::CheckSequences() {
  if (greatest_seq_ <= report_.last_seq) return;
  Find(greatest_seq_line_, "a record has seq " + Text(greatest_seq_) + ", above the last sequence number " +
                               Text(report_.last_seq) + ": new records would get numbers that are in use");
}

void Verifier::Look::CheckExpiries() {
  const Pairing::Difference difference = pairing_.Take();
  for (const Expiry& expiry : difference.entries_without_record) {
    Find(0, "expiry entry " + Text(expiry) + " has no record: none of its key has this seq and expires then");
  }
  for (const Expiry& expiry : difference.records_without_entry) {
    Find(0, "the record with seq " + Text(expiry.seq) + " expires at " + Text(expiry.time_ms) +
                " ms, but has no expiry entry: it would never be removed");
  }
  if (!difference.complete) Find(0, "too many expiry entries and records do not belong together to name them");
}

void Verifier::Look::CheckMembership() {
  const Membership& membership = report_.membership;
  if (membership.configs.empty()) {
    if (report_.records > 0) Find(0, "there are records but no members");
    return;
  }
  for (const NodeSet& config : membership.configs) {
    if (config.empty()) Find(0, "a voter set of the membership is empty");
    for (const NodeId id : config) {
      if (!Contains(membership.nodes, id)) Find(0, "voter " + Text(id.value()) + " is not a member");
    }
  }
  for (const NodeId id : membership.nodes) {
    if (!report_.nodes.contains(id)) {
      Find(0, "member " + Text(id.value()) + " is not in `Nodes`: the others do not know its address");
    }
  }
  const auto& applied = report_.import.last_applied;
  if (report_.membership_id && (!applied || BackupLess(*applied, *report_.membership_id))) {
    Find(0, "the membership is of entry " + ToString(*report_.membership_id) + ", which is not applied");
  }
}

// An id that the log should know.
void Verifier::Look::CheckInLog(const char* what, const LogId& id) {
  const auto entry = EntryAt(id.index);
  if (entry && (entry->term != id.term || entry->leader != id.leader)) {
    Find(0, std::string(what) + " is " + ToString(id) + ", but the log has " + ToString(*entry) + " there");
  }
}

void Verifier::Look::CheckLog() {
  const auto& applied = report_.import.last_applied;
  if (applied) CheckInLog("LastApplied", *applied);
  if (report_.committed) CheckInLog("Committed", *report_.committed);
  // Where the log begins; everything before must be in the state.
  std::optional<LogId> before = report_.purged;
  if (!before && report_.first_entry && report_.first_entry->index > LogIndex(0)) {
    before = LogId{report_.first_entry->term, report_.first_entry->leader, report_.first_entry->index.Prev()};
  }
  if (before && (!applied || applied->index < before->index)) {
    Find(0, "the log begins after index " + Text(before->index.value()) + ", but the state only has entries up to " +
                (applied ? ToString(*applied) : "none") + ": what is between them is lost");
  }
  if (applied && report_.last_entry && report_.last_entry->index < applied->index) {
    Find(0, "the state is ahead of the log: LastApplied is " + ToString(*applied) + ", the last entry " +
                ToString(*report_.last_entry));
  }
  const auto end = std::max(report_.last_entry, std::max(report_.purged, applied));
  if (report_.committed && (!end || *end < *report_.committed)) {
    Find(0, "Committed is " + ToString(*report_.committed) + ", beyond everything in the backup");
  }
  if (report_.vote && report_.last_entry && report_.vote->term < report_.last_entry->term) {
    Find(0, "the vote is of term " + Text(report_.vote->term.value()) + ", older than the last entry " +
                ToString(*report_.last_entry));
  }
  if (!applied && report_.records > 0) Find(0, "there are records but no LastApplied");
}

VerifyReport Verifier::Look::Take(ImportReport import) {
  report_.import = std::move(import);
  CheckSequences();
  CheckExpiries();
  CheckMembership();
  CheckLog();
  return std::move(report_);
}

std::expected<VerifyReport, ImportError> Verifier::Finish(bool ends_within_a_line) {
  auto import = importer_.Finish();
  if (!import) return std::unexpected(import.error());
  VerifyReport report = look_.Take(*std::move(import));
  if (ends_within_a_line) {
    ++report.findings_total;
    report.findings.insert(report.findings.begin(), {0, "the last line has no end: the backup may be cut short"});
  }
  return report;
}

}  // namespace metasrv::backup
