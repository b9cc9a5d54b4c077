#include "sim/command_maker.h"

#include <utility>

#include "sim/tokens.h"

namespace metasrv::sim {
namespace {

constexpr std::uint64_t kShortLifeMs = 600;

void Retoken(meta::TxnOp& operation, std::uint64_t from, std::uint64_t to) {
  if (TokenOf(operation) == from) SetToken(to, operation);
  if (operation.has_put()) operation.mutable_put()->set_value(TokenValue(to));
  if (operation.has_put_sequential()) operation.mutable_put_sequential()->set_value(TokenValue(to));
}

}  // namespace

std::uint64_t TokenOf(const pb::Command& command) {
  if (command.has_upsert_kv()) {
    const pb::UpsertKv& upsert = command.upsert_kv();
    if (upsert.value().has_update()) return LeadingNumber(upsert.value().update());
    return upsert.value_meta().expire_at() > kTokenExpiry ? upsert.value_meta().expire_at() - kTokenExpiry : 0;
  }
  if (command.has_transaction() && command.transaction().if_then_size() > 0) {
    return TokenOf(command.transaction().if_then(0));
  }
  if (command.has_kv_transaction() && command.kv_transaction().branches_size() > 0) {
    return TokenOf(command.kv_transaction().branches(0).operations(0));
  }
  return 0;
}

void CommandMaker::Retoken(pb::Command& command, std::uint64_t from, std::uint64_t to) {
  if (command.has_upsert_kv()) {
    pb::UpsertKv& upsert = *command.mutable_upsert_kv();
    if (upsert.value().has_update()) return upsert.mutable_value()->set_update(TokenValue(to));
    return upsert.mutable_value_meta()->set_expire_at(kTokenExpiry + to);
  }
  const auto retoken = [&](auto& operations) {
    for (meta::TxnOp& operation : operations) sim::Retoken(operation, from, to);
  };
  if (command.has_kv_transaction()) {
    for (pb::KvTxnBranch& branch : *command.mutable_kv_transaction()->mutable_branches()) {
      retoken(*branch.mutable_operations());
    }
    return;
  }
  meta::TxnRequest& txn = *command.mutable_transaction();
  retoken(*txn.mutable_if_then());
  retoken(*txn.mutable_else_then());
  for (meta::ConditionalOperation& branch : *txn.mutable_operations()) retoken(*branch.mutable_operations());
}

CommandMaker::Request CommandMaker::DrawRequest(Prng& prng) const {
  const std::uint64_t reads = options_.weight_get + options_.weight_list;
  const std::uint64_t writes = options_.weight_put + options_.weight_delete + options_.weight_cas +
                               options_.weight_ttl + options_.weight_txn + options_.weight_kv_txn +
                               options_.weight_counter + options_.weight_sequential + options_.weight_delete_prefix;
  // Exports cost more than anything else and are rare.
  constexpr std::uint64_t kRarely = 40;
  if (options_.weight_export > 0 && prng.Below(kRarely) < options_.weight_export) return Request::kExport;
  return prng.Below(reads + writes) < reads ? Request::kRead : Request::kWrite;
}

CommandMaker::Kind CommandMaker::DrawKind(Prng& prng) const {
  const std::array<std::pair<Kind, std::uint64_t>, 9> weights = {{
      {Kind::kPut, options_.weight_put},
      {Kind::kDelete, options_.weight_delete},
      {Kind::kCas, options_.weight_cas},
      {Kind::kTtl, options_.weight_ttl},
      {Kind::kTxn, options_.weight_txn},
      {Kind::kKvTxn, options_.weight_kv_txn},
      {Kind::kCounter, options_.weight_counter},
      {Kind::kSequential, options_.weight_sequential},
      {Kind::kDeletePrefix, options_.weight_delete_prefix},
  }};
  std::uint64_t total = 0;
  for (const auto& [kind, weight] : weights) total += weight;
  std::uint64_t drawn = prng.Below(total);
  for (const auto& [kind, weight] : weights) {
    if (drawn < weight) return kind;
    drawn -= weight;
  }
  return Kind::kPut;
}

void CommandMaker::Learn(const std::string& key, const std::optional<meta::SeqV>& record) {
  seen_[key] = record ? Seen{record->seq(), record->data()} : Seen{};
}

std::string CommandMaker::Key(Prng& prng) const {
  return std::string(kKeys) + std::to_string(prng.Below(options_.keys));
}

std::string CommandMaker::Counter(Prng& prng) const {
  return std::string(kCounters) + std::to_string(prng.Below(options_.keys));
}

std::string CommandMaker::AnyKey(Prng& prng) const { return prng.Below(5) == 0 ? Counter(prng) : Key(prng); }

const CommandMaker::Seen& CommandMaker::SeenOf(const std::string& key) const {
  static const Seen kNothing;
  const auto found = seen_.find(key);
  return found == seen_.end() ? kNothing : found->second;
}

ReadPlan CommandMaker::MakeRead(Prng& prng) const {
  ReadPlan plan;
  if (prng.Below(2) == 0) plan.pause_max_ms = prng.Below(40);
  const std::uint64_t total = options_.weight_get + options_.weight_list;
  if (total == 0 || prng.Below(total) < options_.weight_get) {
    for (std::uint64_t count = prng.Between(1, 5); count > 0; --count) plan.keys.push_back(AnyKey(prng));
    return plan;
  }
  constexpr std::array<std::string_view, 5> kPrefixes = {"", kKeys, kSequences, kCounters, "k/1"};
  plan.lists.push_back({std::string(kPrefixes[prng.Below(kPrefixes.size())]), prng.Below(2) * prng.Between(1, 6)});
  return plan;
}

pb::Command CommandMaker::MakeWrite(Prng& prng, std::uint64_t token, std::uint64_t now_ms) const {
  pb::Command command;
  const Draft draft{prng, token, now_ms};
  switch (const Kind kind = DrawKind(prng)) {
    case Kind::kPut:
    case Kind::kDelete:
    case Kind::kCas:
    case Kind::kTtl: FillUpsert(draft, kind, *command.mutable_upsert_kv()); break;
    case Kind::kTxn: FillTransaction(draft, *command.mutable_transaction()); break;
    case Kind::kKvTxn: FillKvTransaction(draft, *command.mutable_kv_transaction()); break;
    case Kind::kCounter:
    case Kind::kSequential:
    case Kind::kDeletePrefix: FillSpecial(draft, kind, *command.mutable_transaction()); break;
  }
  return command;
}

// Soon, now, in the past, in seconds or milliseconds, or two that disagree (kv-semantics.md §4).
CommandMaker::Expiry CommandMaker::DrawExpiry(const Draft& draft) {
  Prng& prng = draft.prng;
  switch (prng.Below(5)) {
    case 0: return {draft.now_ms + prng.Below(2 * kShortLifeMs), std::nullopt};
    case 1: return {draft.now_ms / 1000 + prng.Below(4), std::nullopt};
    case 2: return {draft.now_ms - prng.Below(5000), std::nullopt};
    case 3: return {draft.now_ms + prng.Below(5000), prng.Below(kShortLifeMs)};
    default: return {std::nullopt, prng.Below(kShortLifeMs)};
  }
}

void CommandMaker::FillMatch(Prng& prng, const std::string& key, pb::MatchSeq& match) const {
  switch (prng.Below(6)) {
    case 0: match.mutable_any(); break;
    case 1: match.set_ge(prng.Below(2)); break;
    case 2: match.set_ge(SeenOf(key).seq + prng.Below(2)); break;
    case 3: match.set_exact(0); break;
    default: match.set_exact(SeenOf(key).seq); break;
  }
}

void CommandMaker::FillUpsert(const Draft& draft, Kind kind, pb::UpsertKv& upsert) const {
  Prng& prng = draft.prng;
  upsert.set_key(Key(prng));
  if (kind == Kind::kCas || prng.Below(4) == 0) {
    FillMatch(prng, upsert.key(), *upsert.mutable_seq());
  } else {
    upsert.mutable_seq()->mutable_any();
  }
  const bool deletes = kind == Kind::kDelete || (kind == Kind::kCas && prng.Below(4) == 0);
  const bool keeps_value = kind != Kind::kPut && !deletes && prng.Below(4) == 0;
  pb::MetaSpec& spec = *upsert.mutable_value_meta();
  if (deletes || keeps_value) {
    deletes ? (void)upsert.mutable_value()->mutable_delete_() : (void)upsert.mutable_value()->mutable_as_is();
    spec.set_expire_at(kTokenExpiry + draft.token);
    if (kind == Kind::kTtl) spec.set_ttl_ms(prng.Below(kShortLifeMs));
    return;
  }
  upsert.mutable_value()->set_update(TokenValue(draft.token));
  if (kind != Kind::kTtl) {
    if (prng.Below(2) == 0) upsert.clear_value_meta();
    return;
  }
  const Expiry expiry = DrawExpiry(draft);
  if (expiry.at) spec.set_expire_at(*expiry.at);
  if (expiry.ttl_ms) spec.set_ttl_ms(*expiry.ttl_ms);
}

}  // namespace metasrv::sim
