#include "tests/backup/random_records.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "backup/encode.h"
#include "tests/backup/document.h"

namespace metasrv::backup {
namespace {

std::int64_t AnyI64() { return static_cast<std::int64_t>(AnyU64()); }

std::int32_t AnyI32() { return Coin() ? Below(6) : *rc::gen::arbitrary<std::int32_t>(); }

std::string AnyBytes() {
  auto bytes = *rc::gen::container<std::vector<std::uint8_t>>(rc::gen::arbitrary<std::uint8_t>());
  return std::string(bytes.begin(), bytes.end());
}

std::optional<LogId> MaybeLogId() { return Coin() ? std::optional(AnyLogId()) : std::nullopt; }

NodeSet AnyNodeSet() {
  std::set<NodeId> ids;
  for (int i = Below(4); i > 0; --i) ids.insert(NodeId(AnyU64()));
  return NodeSet(ids.begin(), ids.end());
}

Membership AnyMembership() {
  Membership membership;
  for (int i = Below(3); i > 0; --i) membership.configs.push_back(AnyNodeSet());
  membership.nodes = AnyNodeSet();
  return membership;
}

meta::SeqV AnySeqV() {
  meta::SeqV record;
  record.set_seq(AnyU64());
  record.set_data(AnyBytes());
  if (Coin()) return record;
  meta::KVMeta* meta = record.mutable_meta();
  if (Coin()) meta->set_expire_at(AnyU64());
  if (Coin()) meta->set_proposed_at_ms(AnyU64());
  return record;
}

void FillTarget(meta::TxnCondition* condition, int kinds) {
  switch (Below(kinds)) {
    case 0: condition->set_value(AnyBytes()); break;
    case 1: condition->set_seq(AnyU64()); break;
    case 2: condition->set_keys_with_prefix(AnyU64()); break;
    default: break;
  }
}

void FillCondition(meta::TxnCondition* condition) {
  condition->set_key(AnyText());
  condition->set_expected(static_cast<meta::TxnCondition::ConditionResult>(AnyI32()));
  FillTarget(condition, 4);
}

void FillBoolExpr(meta::BooleanExpression* expression, int depth) {
  expression->set_operator_(static_cast<meta::BooleanExpression::CombiningOperator>(AnyI32()));
  if (depth > 0) {
    for (int i = Below(3); i > 0; --i) FillBoolExpr(expression->add_sub_expressions(), depth - 1);
  }
  for (int i = Below(2); i > 0; --i) FillCondition(expression->add_conditions());
}

// What only a Transaction has, not a KvTransaction: the flag without effect.
enum class Dialect { kTxn, kKvTxn };

void FillPut(meta::TxnPutRequest* put, Dialect dialect) {
  put->set_key(AnyText());
  put->set_value(AnyBytes());
  if (dialect == Dialect::kTxn) put->set_prev_value(Coin());
  if (Coin()) put->set_expire_at(AnyU64());
  if (Coin()) put->set_ttl_ms(AnyU64());
  if (Coin()) put->set_match_seq(AnyU64());
}

void FillDelete(meta::TxnDeleteRequest* request, Dialect dialect) {
  request->set_key(AnyText());
  if (dialect == Dialect::kTxn) request->set_prev_value(Coin());
  if (Coin()) request->set_match_seq(AnyU64());
}

void FillFetchIncrease(meta::FetchIncreaseU64* request) {
  request->set_key(AnyText());
  request->set_delta(AnyI64());
  if (Coin()) request->set_match_seq(AnyU64());
  request->set_max_value(AnyU64());
}

void FillPutSequential(meta::PutSequential* request) {
  request->set_prefix(AnyText());
  request->set_sequence_key(AnyText());
  request->set_value(AnyBytes());
  if (Coin()) request->set_expires_at_ms(AnyU64());
  if (Coin()) request->set_ttl_ms(AnyU64());
}

void FillOp(meta::TxnOp* op, Dialect dialect) {
  switch (Below(dialect == Dialect::kTxn ? 7 : 6)) {
    case 0: op->mutable_get()->set_key(AnyText()); break;
    case 1: FillPut(op->mutable_put(), dialect); break;
    case 2: FillDelete(op->mutable_delete_(), dialect); break;
    case 3: op->mutable_delete_by_prefix()->set_prefix(AnyText()); break;
    case 4: FillFetchIncrease(op->mutable_fetch_increase_u64()); break;
    case 5: FillPutSequential(op->mutable_put_sequential()); break;
    default: break;
  }
}

void FillTxn(meta::TxnRequest* txn) {
  for (int i = Below(2); i > 0; --i) {
    meta::ConditionalOperation* operation = txn->add_operations();
    if (Coin()) FillBoolExpr(operation->mutable_predicate(), 3);
    for (int j = Below(3); j > 0; --j) FillOp(operation->add_operations(), Dialect::kTxn);
  }
  for (int i = Below(3); i > 0; --i) FillCondition(txn->add_condition());
  for (int i = Below(3); i > 0; --i) FillOp(txn->add_if_then(), Dialect::kTxn);
  for (int i = Below(3); i > 0; --i) FillOp(txn->add_else_then(), Dialect::kTxn);
}

void FillPredicate(pb::Predicate* predicate, int depth) {
  int kind = Below(depth > 0 ? 3 : 1);
  if (kind == 0) {
    meta::TxnCondition* leaf = predicate->mutable_leaf();
    leaf->set_key(AnyText());
    leaf->set_expected(static_cast<meta::TxnCondition::ConditionResult>(Below(6)));
    FillTarget(leaf, 3);
    return;
  }
  pb::PredicateList* list = kind == 1 ? predicate->mutable_all() : predicate->mutable_any();
  for (int i = Below(3); i > 0; --i) FillPredicate(list->add_children(), depth - 1);
}

void FillKvTxn(pb::KvTxn* txn) {
  for (int i = Below(3); i > 0; --i) {
    pb::KvTxnBranch* branch = txn->add_branches();
    FillPredicate(branch->mutable_predicate(), 3);
    for (int j = Below(3); j > 0; --j) FillOp(branch->add_operations(), Dialect::kKvTxn);
  }
}

void FillUpsert(pb::UpsertKv* upsert) {
  upsert->set_key(AnyText());
  switch (Below(3)) {
    case 0: upsert->mutable_seq()->mutable_any(); break;
    case 1: upsert->mutable_seq()->set_exact(AnyU64()); break;
    default: upsert->mutable_seq()->set_ge(AnyU64()); break;
  }
  switch (Below(3)) {
    case 0: upsert->mutable_value()->mutable_as_is(); break;
    case 1: upsert->mutable_value()->mutable_delete_(); break;
    default: upsert->mutable_value()->set_update(AnyBytes()); break;
  }
  if (Coin()) return;
  pb::MetaSpec* spec = upsert->mutable_value_meta();
  if (Coin()) spec->set_expire_at(AnyU64());
  if (Coin()) spec->set_ttl_ms(AnyU64());
}

void FillAddNode(meta::CmdAddNode* cmd) {
  cmd->set_node_id(AnyU64());
  *cmd->mutable_node() = AnyNode();
  cmd->set_overriding(Coin());
}

Entry AnyEntry(LogId id) {
  switch (Below(5)) {
    case 0: return Entry::Blank(id);
    case 1: return Entry::OfMembership(id, AnyMembership());
    default: return Entry::Normal(id, AnyCommand().SerializeAsString());
  }
}

ExpireLine AnyExpire() {
  ExpireLine line{AnyU64(), AnyU64(), {}};
  line.value.set_seq(std::max<std::uint64_t>(1, AnyU64()));
  line.value.set_key(AnyText());
  return line;
}

}  // namespace

int Below(int bound) { return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange(0, bound)); }

bool Coin() { return Below(2) == 0; }

std::uint64_t AnyU64() {
  switch (Below(4)) {
    case 0: return 0;
    case 1: return std::numeric_limits<std::uint64_t>::max();
    case 2: return static_cast<std::uint64_t>(Below(100));
    default: return *rc::gen::resize(rc::kNominalSize, rc::gen::arbitrary<std::uint64_t>());
  }
}

std::string AnyText() {
  static const std::string kPieces[] = {"a",    "B",    "/",      "é",  "日", "\U0001F600", "\"", "\\",
                                        "\b",   "\t",   "\n",     "\f", "\r", "\x7f",       " ",  std::string(1, '\0'),
                                        "\x01", "\x1f", "\\u00e9"};
  std::string text;
  for (int i = Below(8); i > 0; --i) text += kPieces[Below(std::size(kPieces))];
  return text;
}

LogId AnyLogId() { return {Term(AnyU64()), NodeId(AnyU64()), LogIndex(AnyU64())}; }

meta::Node AnyNode() {
  meta::Node node;
  node.set_name(AnyText());
  node.set_addr(AnyText());
  node.set_port(static_cast<std::uint32_t>(Below(65536)));
  if (Coin()) node.set_grpc_api_advertise_address(AnyText());
  return node;
}

pb::Command AnyCommand() {
  pb::Command command;
  if (Coin()) command.set_time_ms(AnyU64());
  switch (Below(6)) {
    case 0: FillAddNode(command.mutable_add_node()); break;
    case 1: command.mutable_remove_node()->set_node_id(AnyU64()); break;
    case 2:
      command.mutable_set_feature()->set_feature(AnyText());
      command.mutable_set_feature()->set_enable(Coin());
      break;
    case 3: FillUpsert(command.mutable_upsert_kv()); break;
    case 4: FillTxn(command.mutable_transaction()); break;
    default: FillKvTxn(command.mutable_kv_transaction()); break;
  }
  return command;
}

Vote AnyVote() { return {Term(AnyU64()), NodeId(AnyU64()), Coin()}; }

pb::StoredMembership AnyStoredMembership() {
  pb::StoredMembership membership;
  if (Coin()) *membership.mutable_log_id() = ToProto(AnyLogId());
  *membership.mutable_membership() = ToProto(AnyMembership());
  return membership;
}

Record AnyRecord() {
  switch (Below(12)) {
    case 0: return HeaderLine{AnyText(), "V003"};
    case 1: return NodeIdLine{Coin() ? std::optional(NodeId(AnyU64())) : std::nullopt};
    case 2: return VoteLine{Coin() ? std::optional(AnyVote()) : std::nullopt};
    case 3: return CommittedLine{MaybeLogId()};
    case 4: return PurgedLine{MaybeLogId()};
    case 5: return SequencesLine{AnyU64()};
    case 6: return LastAppliedLine{AnyLogId()};
    case 7: return LastMembershipLine{AnyStoredMembership()};
    case 8: return NodeLine{NodeId(AnyU64()), AnyNode()};
    case 9: return AnyExpire();
    case 10: return KvLine{AnyText(), AnySeqV()};
    default: return EntryLine{AnyEntry(AnyLogId())};
  }
}

std::string TextOf(const Record& record) {
  std::string text;
  AppendLine(record, &text);
  return text;
}

Lines AnyDocument() {
  Lines lines = Document(
      {TextOf(NodeIdLine{NodeId(AnyU64())}), TextOf(VoteLine{AnyVote()}), TextOf(CommittedLine{MaybeLogId()})});
  LogId id{Term(static_cast<std::uint64_t>(Below(5))), NodeId(1), LogIndex(static_cast<std::uint64_t>(Below(1000)))};
  lines.push_back(TextOf(PurgedLine{Coin() ? std::optional(id) : std::nullopt}));
  for (int i = Below(10); i > 0; --i) {
    id.index = id.index.Next();
    id.term = Term(id.term.value() + static_cast<std::uint64_t>(Below(2)));
    lines.push_back(TextOf(EntryLine{AnyEntry(id)}));
  }
  lines.push_back(TextOf(SequencesLine{AnyU64()}));
  if (Coin()) lines.push_back(TextOf(LastAppliedLine{AnyLogId()}));
  lines.push_back(TextOf(LastMembershipLine{AnyStoredMembership()}));
  std::map<NodeId, meta::Node> nodes;
  std::map<std::pair<std::uint64_t, std::uint64_t>, ExpireLine> expiries;
  std::map<std::string, meta::SeqV> records;
  for (int i = Below(4); i > 0; --i) nodes[NodeId(AnyU64())] = AnyNode();
  for (int i = Below(6); i > 0; --i) {
    ExpireLine line = AnyExpire();
    expiries[{line.time_ms, line.seq}] = line;
  }
  for (int i = Below(10); i > 0; --i) records[AnyText()] = AnySeqV();
  for (const auto& [node_id, node] : nodes) lines.push_back(TextOf(NodeLine{node_id, node}));
  for (const auto& [key, line] : expiries) lines.push_back(TextOf(line));
  for (const auto& [key, record] : records) lines.push_back(TextOf(KvLine{key, record}));
  return lines;
}

}  // namespace metasrv::backup
