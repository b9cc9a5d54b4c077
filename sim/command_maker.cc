#include "sim/command_maker.h"

#include <array>
#include <charconv>
#include <utility>

namespace metasrv::sim {
namespace {

// A delete has no place for a token but a time to live, which means nothing there.
constexpr std::uint64_t kTokenTtl = 1'000'000'000'000'000;
constexpr std::string_view kTokenKey = "~";
constexpr std::string_view kCounters = "c/";
constexpr std::string_view kSequences = "q/";

std::string TokenValue(std::uint64_t token) { return std::to_string(token) + "|v"; }

std::uint64_t LeadingNumber(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::uint64_t TokenOf(const meta::TxnOp& operation) {
  const std::string& key = operation.get().key();
  return key.starts_with(kTokenKey) ? LeadingNumber(std::string_view(key).substr(kTokenKey.size())) : 0;
}

void SetToken(std::uint64_t token, meta::TxnOp& operation) {
  operation.mutable_get()->set_key(std::string(kTokenKey) + std::to_string(token));
}

}  // namespace

std::uint64_t TokenOf(const pb::Command& command) {
  if (command.has_upsert_kv()) {
    const pb::UpsertKv& upsert = command.upsert_kv();
    if (upsert.value().has_update()) return LeadingNumber(upsert.value().update());
    return upsert.value_meta().ttl_ms() > kTokenTtl ? upsert.value_meta().ttl_ms() - kTokenTtl : 0;
  }
  if (command.has_transaction() && command.transaction().if_then_size() > 0) {
    return TokenOf(command.transaction().if_then(0));
  }
  if (command.has_kv_transaction() && command.kv_transaction().branches_size() > 0) {
    return TokenOf(command.kv_transaction().branches(0).operations(0));
  }
  return 0;
}

namespace {

void Retoken(meta::TxnOp& operation, std::uint64_t from, std::uint64_t to) {
  if (TokenOf(operation) == from) SetToken(to, operation);
  if (operation.has_put() && operation.put().value() == TokenValue(from)) {
    operation.mutable_put()->set_value(TokenValue(to));
  }
  if (operation.has_put_sequential()) operation.mutable_put_sequential()->set_value(TokenValue(to));
}

}  // namespace

void CommandMaker::Retoken(pb::Command& command, std::uint64_t from, std::uint64_t to) {
  if (command.has_upsert_kv()) {
    pb::UpsertKv& upsert = *command.mutable_upsert_kv();
    if (upsert.value().has_update()) return upsert.mutable_value()->set_update(TokenValue(to));
    return upsert.mutable_value_meta()->set_ttl_ms(kTokenTtl + to);
  }
  const auto retoken = [&](auto& operations) {
    for (meta::TxnOp& operation : operations) sim::Retoken(operation, from, to);
  };
  if (command.has_transaction()) {
    meta::TxnRequest& txn = *command.mutable_transaction();
    retoken(*txn.mutable_if_then());
    retoken(*txn.mutable_else_then());
    for (meta::ConditionalOperation& branch : *txn.mutable_operations()) retoken(*branch.mutable_operations());
  }
  if (!command.has_kv_transaction()) return;
  for (pb::KvTxnBranch& branch : *command.mutable_kv_transaction()->mutable_branches()) {
    retoken(*branch.mutable_operations());
  }
}

bool CommandMaker::DrawRead(Prng& prng) const {
  const std::uint64_t reads = options_.weight_get + options_.weight_list;
  const std::uint64_t writes = options_.weight_put + options_.weight_delete + options_.weight_cas +
                               options_.weight_ttl + options_.weight_txn + options_.weight_kv_txn +
                               options_.weight_counter + options_.weight_sequential + options_.weight_delete_prefix;
  return prng.Below(reads + writes) < reads;
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

std::string CommandMaker::Key(Prng& prng) const { return "k/" + std::to_string(prng.Below(options_.keys)); }

std::uint64_t CommandMaker::SeenSeq(const std::string& key) const {
  const auto found = seen_seq_.find(key);
  return found == seen_seq_.end() ? 0 : found->second;
}

ReadPlan CommandMaker::MakeRead(Prng& prng) const {
  ReadPlan plan;
  const std::uint64_t drawn = prng.Below(options_.weight_get + options_.weight_list);
  if (drawn < options_.weight_get) {
    for (std::uint64_t count = prng.Between(1, 3); count > 0; --count) plan.keys.push_back(Key(prng));
    if (prng.Below(4) == 0) plan.keys.push_back(std::string(kCounters) + std::to_string(prng.Below(options_.keys)));
    return plan;
  }
  constexpr std::array<std::string_view, 4> kPrefixes = {"", "k/", kSequences, "k/1"};
  plan.prefixes.emplace_back(kPrefixes[prng.Below(kPrefixes.size())]);
  return plan;
}

pb::Command CommandMaker::MakeWrite(Prng& prng, std::uint64_t token) const {
  pb::Command command;
  switch (const Kind kind = DrawKind(prng)) {
    case Kind::kPut:
    case Kind::kDelete:
    case Kind::kCas:
    case Kind::kTtl: FillUpsert(prng, token, kind, *command.mutable_upsert_kv()); break;
    case Kind::kTxn: FillTransaction(prng, token, *command.mutable_transaction()); break;
    case Kind::kKvTxn: FillKvTransaction(prng, token, *command.mutable_kv_transaction()); break;
    case Kind::kCounter:
    case Kind::kSequential:
    case Kind::kDeletePrefix: FillSpecial(prng, token, kind, *command.mutable_transaction()); break;
  }
  return command;
}

void CommandMaker::FillUpsert(Prng& prng, std::uint64_t token, Kind kind, pb::UpsertKv& upsert) const {
  upsert.set_key(Key(prng));
  upsert.mutable_seq()->mutable_any();
  if (kind == Kind::kCas && prng.Below(3) == 0) upsert.mutable_seq()->set_ge(prng.Below(2));
  if (kind == Kind::kCas && !upsert.seq().has_ge()) upsert.mutable_seq()->set_exact(SeenSeq(upsert.key()));
  const bool deletes = kind == Kind::kDelete || (kind == Kind::kCas && prng.Below(4) == 0);
  if (deletes) {
    upsert.mutable_value()->mutable_delete_();
    upsert.mutable_value_meta()->set_ttl_ms(kTokenTtl + token);
  } else if (kind == Kind::kTtl && prng.Below(4) == 0) {
    upsert.mutable_value()->mutable_as_is();
    upsert.mutable_value_meta()->set_ttl_ms(kTokenTtl + token);
  } else {
    upsert.mutable_value()->set_update(TokenValue(token));
    if (kind == Kind::kTtl) upsert.mutable_value_meta()->set_ttl_ms(prng.Below(600));
  }
}

void CommandMaker::FillCondition(Prng& prng, meta::TxnCondition& condition) const {
  constexpr std::array kComparisons = {meta::TxnCondition::EQ, meta::TxnCondition::GT, meta::TxnCondition::GE,
                                       meta::TxnCondition::LT, meta::TxnCondition::LE, meta::TxnCondition::NE};
  condition.set_key(Key(prng));
  condition.set_expected(kComparisons[prng.Below(kComparisons.size())]);
  switch (prng.Below(4)) {
    case 0: condition.set_value(TokenValue(prng.Below(200))); break;
    case 1:
      condition.set_key("k/");
      condition.set_keys_with_prefix(prng.Below(options_.keys + 1));
      break;
    default: condition.set_seq(SeenSeq(condition.key())); break;
  }
}

void CommandMaker::FillOperation(Prng& prng, std::uint64_t token, meta::TxnOp& operation) const {
  switch (prng.Below(6)) {
    case 0: operation.mutable_get()->set_key(Key(prng)); break;
    case 1: operation.mutable_delete_()->set_key(Key(prng)); break;
    case 2: {
      operation.mutable_delete_()->set_key(Key(prng));
      operation.mutable_delete_()->set_match_seq(SeenSeq(operation.delete_().key()));
      break;
    }
    default: {
      meta::TxnPutRequest& put = *operation.mutable_put();
      put.set_key(Key(prng));
      put.set_value(TokenValue(token));
      if (prng.Below(4) == 0) put.set_match_seq(SeenSeq(put.key()));
      if (prng.Below(6) == 0) put.set_ttl_ms(prng.Below(600));
      break;
    }
  }
}

void CommandMaker::FillTransaction(Prng& prng, std::uint64_t token, meta::TxnRequest& txn) const {
  SetToken(token, *txn.add_if_then());
  for (std::uint64_t count = prng.Below(3); count > 0; --count) FillCondition(prng, *txn.add_condition());
  for (std::uint64_t count = prng.Below(3); count > 0; --count) FillOperation(prng, token, *txn.add_if_then());
  for (std::uint64_t count = prng.Below(3); count > 0; --count) FillOperation(prng, token, *txn.add_else_then());
  if (prng.Below(4) != 0) return;
  meta::ConditionalOperation& branch = *txn.add_operations();
  branch.mutable_predicate()->set_operator_(prng.Below(2) == 0 ? meta::BooleanExpression::OR
                                                               : meta::BooleanExpression::AND);
  FillCondition(prng, *branch.mutable_predicate()->add_conditions());
  FillCondition(prng, *branch.mutable_predicate()->add_sub_expressions()->add_conditions());
  FillOperation(prng, token, *branch.add_operations());
}

void CommandMaker::FillKvTransaction(Prng& prng, std::uint64_t token, pb::KvTxn& txn) const {
  for (std::uint64_t count = prng.Between(1, 3); count > 0; --count) {
    pb::KvTxnBranch& branch = *txn.add_branches();
    pb::PredicateList& all = *branch.mutable_predicate()->mutable_all();
    if (prng.Below(3) != 0) FillCondition(prng, *all.add_children()->mutable_leaf());
    if (prng.Below(3) == 0) {
      pb::PredicateList& any = *all.add_children()->mutable_any();
      FillCondition(prng, *any.add_children()->mutable_leaf());
      FillCondition(prng, *any.add_children()->mutable_leaf());
    }
    SetToken(token, *branch.add_operations());
    FillOperation(prng, token, *branch.add_operations());
  }
}

void CommandMaker::FillSpecial(Prng& prng, std::uint64_t token, Kind kind, meta::TxnRequest& txn) const {
  SetToken(token, *txn.add_if_then());
  meta::TxnOp& operation = *txn.add_if_then();
  const std::string number = std::to_string(prng.Below(options_.keys));
  if (kind == Kind::kCounter) {
    meta::FetchIncreaseU64& increase = *operation.mutable_fetch_increase_u64();
    increase.set_key(std::string(kCounters) + number);
    increase.set_delta(static_cast<std::int64_t>(prng.Below(7)) - 2);
    if (prng.Below(4) == 0) increase.set_max_value(prng.Below(50));
    if (prng.Below(4) == 0) increase.set_match_seq(SeenSeq(increase.key()));
  } else if (kind == Kind::kSequential) {
    meta::PutSequential& put = *operation.mutable_put_sequential();
    put.set_prefix(std::string(kSequences));
    put.set_sequence_key(std::string(kCounters) + "q");
    put.set_value(TokenValue(token));
    if (prng.Below(2) == 0) put.set_ttl_ms(prng.Below(1500));
  } else {
    operation.mutable_delete_by_prefix()->set_prefix(prng.Below(3) == 0 ? std::string(kSequences) : "k/" + number);
  }
}

}  // namespace metasrv::sim
