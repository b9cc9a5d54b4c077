#include "sm/upsert.h"

#include <string>
#include <utility>

#include "common/check.h"
#include "sm/layout.h"

namespace metasrv::sm {
namespace {

meta::KVMeta MakeMeta(std::uint64_t time_ms, const RequestedExpiry& expiry) {
  meta::KVMeta meta;
  if (expiry.ttl_ms.has_value()) {
    const std::uint64_t room = UINT64_MAX - time_ms;
    meta.set_expire_at(*expiry.ttl_ms <= room ? time_ms + *expiry.ttl_ms : UINT64_MAX);
  } else if (expiry.expire_at.has_value()) {
    meta.set_expire_at(*expiry.expire_at);
  }
  meta.set_proposed_at_ms(time_ms);
  return meta;
}

bool IsExpired(const meta::KVMeta& meta, std::uint64_t time_ms) {
  return meta.has_expire_at() && ExpireMillis(meta.expire_at()) < time_ms;
}

UpsertResult Untouched(const meta::SeqV* current) {
  if (current == nullptr) return {};
  return {*current, *current};
}

UpsertResult Replace(const EntryContext& entry, std::string_view key, std::optional<meta::SeqV> next) {
  UpsertResult outcome;
  outcome.result = next;
  outcome.prev = entry.state.ReplaceRecord(key, std::move(next));
  // A stored record always has a new seq, so that only "absent before and after" is no change (§11.1).
  if (outcome.prev.has_value() || outcome.result.has_value()) {
    entry.changes.push_back({std::string(key), outcome.prev, outcome.result});
  }
  return outcome;
}

// Takes a seq in every case; a value that has expired on arrival leaves nothing behind (§5.2, §5.3).
UpsertResult StoreRecord(const EntryContext& entry, std::string_view key, std::string data,
                         const RequestedExpiry& expiry) {
  const std::uint64_t seq = entry.state.NextSeq();
  meta::KVMeta meta = MakeMeta(entry.time_ms, expiry);
  if (IsExpired(meta, entry.time_ms)) return Replace(entry, key, std::nullopt);
  meta::SeqV record;
  record.set_seq(seq);
  record.set_data(std::move(data));
  *record.mutable_meta() = std::move(meta);
  return Replace(entry, key, std::move(record));
}

bool Accepts(Match match, const meta::SeqV* current) { return match.Holds(current == nullptr ? 0 : current->seq()); }

Match MatchOf(const pb::MatchSeq& match) {
  switch (match.kind_case()) {
    case pb::MatchSeq::kExact: return Match::Exactly(match.exact());
    case pb::MatchSeq::kGe: return Match::AtLeast(match.ge());
    case pb::MatchSeq::kAny:
    case pb::MatchSeq::KIND_NOT_SET: return Match::Any();
  }
  return Match::Any();
}

RequestedExpiry ExpiryOf(const pb::MetaSpec& spec) {
  RequestedExpiry expiry;
  if (spec.has_expire_at()) expiry.expire_at = spec.expire_at();
  if (spec.has_ttl_ms()) expiry.ttl_ms = spec.ttl_ms();
  return expiry;
}

UpsertResult Dispatch(const EntryContext& entry, const pb::UpsertKv& request) {
  const Match match = MatchOf(request.seq());
  switch (request.value().kind_case()) {
    case pb::Operation::kUpdate:
      return UpdateRecord(entry, request.key(), match, request.value().update(), ExpiryOf(request.value_meta()));
    case pb::Operation::kDelete: return DeleteRecord(entry, request.key(), match);
    case pb::Operation::kAsIs: return TouchRecord(entry, request.key(), match, ExpiryOf(request.value_meta()));
    case pb::Operation::KIND_NOT_SET: break;
  }
  CheckFailed(__FILE__, __LINE__, "request.value().kind_case()", "an UpsertKV without an operation was replicated");
}

}  // namespace

UpsertResult UpdateRecord(const EntryContext& entry, std::string_view key, Match match, std::string_view value,
                          const RequestedExpiry& expiry) {
  const meta::SeqV* current = entry.state.FindRecord(key);
  if (!Accepts(match, current)) return Untouched(current);
  return StoreRecord(entry, key, std::string(value), expiry);
}

UpsertResult DeleteRecord(const EntryContext& entry, std::string_view key, Match match) {
  const meta::SeqV* current = entry.state.FindRecord(key);
  if (current == nullptr || !Accepts(match, current)) return Untouched(current);
  return Replace(entry, key, std::nullopt);
}

UpsertResult TouchRecord(const EntryContext& entry, std::string_view key, Match match, const RequestedExpiry& expiry) {
  const meta::SeqV* current = entry.state.FindRecord(key);
  if (current == nullptr || !Accepts(match, current)) return Untouched(current);
  return StoreRecord(entry, key, current->data(), expiry);
}

void RunUpsert(const EntryContext& entry, const pb::UpsertKv& request, pb::UpsertReply& reply) {
  UpsertResult outcome = Dispatch(entry, request);
  if (outcome.prev.has_value()) *reply.mutable_prev() = std::move(*outcome.prev);
  if (outcome.result.has_value()) *reply.mutable_result() = std::move(*outcome.result);
}

}  // namespace metasrv::sm
