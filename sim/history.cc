#include "sim/history.h"

#include <algorithm>

#include "common/check.h"
#include "common/prng.h"
#include "node/wire.h"
#include "sm/layout.h"
#include "sm/read.h"
#include "sm/row_codec.h"

namespace metasrv::sim {
namespace {

std::uint64_t HashOf(const std::optional<meta::SeqV>& record, std::uint64_t seed) {
  return record ? Hash64(record->SerializeAsString(), seed) : MixHash(seed, 0);
}

std::string Text(const std::optional<meta::SeqV>& record) { return record ? record->ShortDebugString() : "none"; }

bool SameChanges(const std::vector<ModelChange>& expected, const std::vector<sm::Change>& actual) {
  return std::equal(expected.begin(), expected.end(), actual.begin(), actual.end(),
                    [](const ModelChange& a, const sm::Change& b) {
                      return a.key == b.key && SameRecord(a.before, b.before) && SameRecord(a.after, b.after);
                    });
}

}  // namespace

std::uint64_t EffectsHash(const sm::Applied& applied) {
  std::uint64_t hash = Hash64(applied.reply.SerializeAsString());
  for (const sm::Change& change : applied.changes) {
    hash = HashOf(change.after, HashOf(change.before, Hash64(change.key, hash)));
  }
  return hash;
}

History::History(const LogMatching& stored, TokenOf token_of, Verdict& verdict)
    : stored_(stored),
      token_of_(std::move(token_of)),
      verdict_(verdict),
      replica_store_(rows_, nullptr),
      replica_(replica_store_) {}

void History::StartFrom(const sm::PersistentMap& rows, const std::optional<LogId>& applied) {
  CHECK(steps_.empty());
  sm::WriteBatch batch;
  for (auto row = rows.LowerBound(""); row.Valid(); row.Next()) batch.Put(row.row().first, row.row().second);
  CHECK(replica_store_.Write(std::move(batch)));
  replica_.Reload();
  if (applied) {
    begin_ = applied->index;
    Step base;
    base.id = *applied;
    base.row_sum = replica_store_.row_sum();
    steps_.push_back(std::move(base));
  }
  const sm::MapReader state(rows);
  std::map<std::string, meta::SeqV> records;
  for (auto row = state.Scan(sm::RecordRow(""), sm::PrefixEnd(sm::RecordRow(""))); row->Valid(); row->Next()) {
    const std::string key(sm::KeyOfRecordRow(row->key()));
    records[key] = sm::ParseRow<meta::SeqV>(row->value());
    versions_[key].push_back({end(), records[key]});
  }
  std::map<std::uint64_t, meta::Node> nodes;
  for (const auto& [id, node] : sm::ReadNodes(state)) nodes[id.value()] = node;
  model_.StartFrom(records, std::move(nodes), sm::ReadLastSeq(state));
}

void History::AdvanceTo(LogId last) {
  // Walk back along the predecessors to what is already executed, then execute forward.
  std::vector<const Entry*> path;
  std::optional<Term> term = last.term;
  for (LogIndex index = last.index; index.Next() > end(); index = index.Prev()) {
    const LogMatching::Known* known = term ? stored_.Find(*term, index) : nullptr;
    if (known == nullptr) {
      verdict_.Broken(kLogMatching,
                      "an entry was applied at index " + std::to_string(index.value()) + " that no node ever stored");
      return;
    }
    path.push_back(&known->entry);
    term = known->before;
    if (index == LogIndex(0)) break;
  }
  for (auto entry = path.rbegin(); entry != path.rend() && !verdict_.failed(); ++entry) Execute(**entry);
}

void History::Execute(const Entry& entry) {
  sm::LogEntry input;
  input.id = entry.id;
  meta::Membership membership;
  pb::MembershipIdentity identity;
  if (entry.kind == EntryKind::kMembership) {
    membership = node::ToProto(*entry.membership);
    input.membership = &membership;
    identity = node::ToProto(entry.membership->identity);
    input.identity = &identity;
  }
  ModelStep expected;
  Step step;
  step.id = entry.id;
  if (entry.kind == EntryKind::kNormal) {
    input.command = *entry.payload;
    pb::Command command;
    CHECK(sm::ParseCommand(*entry.payload, command));
    CheckTime(entry.id, command);
    step.token = token_of_(command);
    expected = model_.Apply(command);
  }
  const auto applied = replica_.Apply({&input, 1});
  CHECK(applied && applied->size() == 1);
  CompareWithModel(entry.id, expected, applied->front());
  step.reply = applied->front().reply;
  step.effects_hash = EffectsHash(applied->front());
  step.row_sum = replica_store_.row_sum();
  const auto expired = static_cast<std::size_t>(std::ranges::count_if(expected.changes, [&](const ModelChange& change) {
    return change.before && !change.after && ModelExpiryMillis(*change.before) < log_time_;
  }));
  expired_count_ += expired;
  step.writes = expected.changes.size() - expired;
  step.changes = std::move(expected.changes);
  steps_.push_back(std::move(step));
  for (const ModelChange& change : steps_.back().changes) versions_[change.key].push_back({end(), change.after});
  if (listener_) listener_(steps_.back());
}

void History::CheckTime(const LogId& id, const pb::Command& command) {
  if (!command.has_time_ms()) return;
  if (command.time_ms() < log_time_) {
    verdict_.Broken(kLogTime, ToString(id) + " carries time " + std::to_string(command.time_ms()) + " after " +
                                  std::to_string(log_time_));
  }
  log_time_ = command.time_ms();
}

void History::CompareWithModel(const LogId& id, const ModelStep& expected, const sm::Applied& actual) {
  if (expected.reply.SerializeAsString() != actual.reply.SerializeAsString()) {
    verdict_.Broken(kModelAgrees, ToString(id) + " answers " + actual.reply.ShortDebugString() +
                                      "; the model answers " + expected.reply.ShortDebugString());
    return;
  }
  if (SameChanges(expected.changes, actual.changes)) return;
  std::string detail = ToString(id) + " changes";
  for (const auto& change : actual.changes)
    detail += " " + change.key + ": " + Text(change.before) + " -> " + Text(change.after);
  detail += "; in the model";
  for (const auto& change : expected.changes)
    detail += " " + change.key + ": " + Text(change.before) + " -> " + Text(change.after);
  verdict_.Broken(kModelAgrees, detail);
}

std::uint64_t History::StateBytes() const {
  std::uint64_t bytes = 0;
  for (auto row = rows_.Scan("", ""); row->Valid(); row->Next()) bytes += row->key().size() + row->value().size();
  return bytes;
}

namespace {

const History::Version* VersionAt(const std::vector<History::Version>& versions, LogIndex end) {
  const auto after = std::upper_bound(versions.begin(), versions.end(), end,
                                      [](LogIndex wanted, const History::Version& v) { return wanted < v.end; });
  return after == versions.begin() ? nullptr : &*std::prev(after);
}

}  // namespace

std::optional<meta::SeqV> History::RecordAt(const std::string& key, LogIndex end) const {
  const auto found = versions_.find(key);
  if (found == versions_.end()) return std::nullopt;
  const Version* version = VersionAt(found->second, end);
  return version == nullptr ? std::nullopt : version->record;
}

std::vector<std::pair<std::string, meta::SeqV>> History::ListAt(const std::string& prefix, LogIndex end) const {
  std::vector<std::pair<std::string, meta::SeqV>> found;
  for (auto it = versions_.lower_bound(prefix); it != versions_.end() && it->first.starts_with(prefix); ++it) {
    const Version* version = VersionAt(it->second, end);
    if (version != nullptr && version->record) found.emplace_back(it->first, *version->record);
  }
  return found;
}

}  // namespace metasrv::sim
