#include "sm/txn_convert.h"
#include "tests/sm/notation.h"
#include "tests/sm/scanner.h"

namespace metasrv::testing {
namespace {

void ParseRecord(Scanner& line, std::uint64_t proposed_at_ms, SmModel& state) {
  const std::string key = line.Sees("\"") ? line.Quoted() : line.Word("#");
  line.Expect("#");
  meta::SeqV& record = state.records[key];
  record.set_seq(line.Number<std::uint64_t>());
  line.Expect("=");
  record.set_data(line.Quoted());
  record.mutable_meta()->set_proposed_at_ms(proposed_at_ms);
  if (line.Take("^")) record.mutable_meta()->set_expire_at(line.Time());
}

void ParseUpsert(Scanner& line, pb::UpsertKv& upsert) {
  upsert.set_key(line.Word());
  if (line.Take("Exact(")) {
    upsert.mutable_seq()->set_exact(line.Number<std::uint64_t>());
    line.Expect(")");
  } else if (line.Take("GE(")) {
    upsert.mutable_seq()->set_ge(line.Number<std::uint64_t>());
    line.Expect(")");
  } else {
    line.Expect("Any");
    upsert.mutable_seq()->mutable_any();
  }
  if (line.Take("Update")) {
    upsert.mutable_value()->set_update(line.Quoted());
  } else if (line.Take("Delete")) {
    upsert.mutable_value()->mutable_delete_();
  } else {
    line.Expect("AsIs");
    upsert.mutable_value()->mutable_as_is();
  }
  while (!line.AtEnd()) {
    if (line.Take("ttl")) {
      upsert.mutable_value_meta()->set_ttl_ms(line.Number<std::uint64_t>());
    } else {
      line.Expect("expire_at");
      upsert.mutable_value_meta()->set_expire_at(line.Time());
    }
  }
}

// Reads "[item, item]" with `parse` for each item.
template <class Parse>
void ParseList(Scanner& line, std::string_view open, std::string_view close, Parse parse) {
  line.Expect(open);
  while (!line.Take(close)) {
    parse();
    line.Take(",");
  }
}

meta::TxnCondition::ConditionResult ParseOperator(Scanner& line) {
  meta::TxnCondition::ConditionResult result{};
  CHECK(meta::TxnCondition::ConditionResult_Parse(line.Word(), &result));
  return result;
}

void ParseCondition(Scanner& line, meta::TxnCondition& condition) {
  condition.set_key(line.Word());
  if (line.Take("no_target")) return;
  if (line.Take("seq")) {
    condition.set_expected(ParseOperator(line));
    condition.set_seq(line.Number<std::uint64_t>());
  } else if (line.Take("value")) {
    condition.set_expected(ParseOperator(line));
    condition.set_value(line.Quoted());
  } else {
    line.Expect("keys_with_prefix");
    condition.set_expected(ParseOperator(line));
    condition.set_keys_with_prefix(line.Number<std::uint64_t>());
  }
}

void ParseExpression(Scanner& line, meta::BooleanExpression& expression) {
  if (line.Take("OR")) {
    expression.set_operator_(meta::BooleanExpression::OR);
  } else if (!line.Take("AND")) {
    return ParseCondition(line, *expression.add_conditions());
  }
  ParseList(line, "(", ")", [&] {
    if (line.Sees("OR(") || line.Sees("AND(")) {
      ParseExpression(line, *expression.add_sub_expressions());
    } else {
      ParseCondition(line, *expression.add_conditions());
    }
  });
}

// Takes "<name> <number>" if it comes next.
bool TakeNumber(Scanner& line, std::string_view name, auto set) {
  if (!line.Take(name)) return false;
  set(line.Time());
  return true;
}

void ParsePut(Scanner& line, meta::TxnPutRequest& put) {
  put.set_key(line.Word());
  put.set_value(line.Quoted());
  while (TakeNumber(line, "match_seq", [&](auto n) { put.set_match_seq(n); }) ||
         TakeNumber(line, "expire_at", [&](auto n) { put.set_expire_at(n); }) ||
         TakeNumber(line, "ttl_ms", [&](auto n) { put.set_ttl_ms(n); })) {
  }
}

void ParseFetchIncrease(Scanner& line, meta::FetchIncreaseU64& increase) {
  increase.set_key(line.Word());
  TakeNumber(line, "max_value", [&](auto n) { increase.set_max_value(n); });
  line.Take("delta");
  increase.set_delta(line.Number<std::int64_t>());
  TakeNumber(line, "match_seq", [&](auto n) { increase.set_match_seq(n); });
}

void ParsePutSequential(Scanner& line, meta::PutSequential& put) {
  put.set_prefix(line.Quoted());
  put.set_sequence_key(line.Quoted());
  put.set_value(line.Quoted());
  TakeNumber(line, "ttl_ms", [&](auto n) { put.set_ttl_ms(n); });
  TakeNumber(line, "expires_at_ms", [&](auto n) { put.set_expires_at_ms(n); });
}

void ParseOperation(Scanner& line, meta::TxnOp& op) {
  if (line.Take("no_request")) return;
  const std::string name = line.Word();
  if (name == "get") {
    op.mutable_get()->set_key(line.Word());
  } else if (name == "put") {
    ParsePut(line, *op.mutable_put());
  } else if (name == "delete") {
    op.mutable_delete_()->set_key(line.Word());
    TakeNumber(line, "match_seq", [&](auto n) { op.mutable_delete_()->set_match_seq(n); });
  } else if (name == "delete_by_prefix") {
    op.mutable_delete_by_prefix()->set_prefix(line.Quoted());
  } else if (name == "fetch_increase") {
    ParseFetchIncrease(line, *op.mutable_fetch_increase_u64());
  } else {
    CHECK_EQ(name, "put_sequential");
    ParsePutSequential(line, *op.mutable_put_sequential());
  }
}

void ParseOperations(Scanner& line, google::protobuf::RepeatedPtrField<meta::TxnOp>& operations) {
  ParseList(line, "[", "]", [&] { ParseOperation(line, *operations.Add()); });
}

// "[{<predicate> → <operation>}, {always → [<operations>]}]"
void ParseBranches(Scanner& line, google::protobuf::RepeatedPtrField<meta::ConditionalOperation>& branches) {
  ParseList(line, "[", "]", [&] {
    meta::ConditionalOperation& branch = *branches.Add();
    line.Expect("{");
    if (!line.Take("always")) ParseExpression(line, *branch.mutable_predicate());
    line.Expect("→");
    if (line.Sees("[")) {
      ParseOperations(line, *branch.mutable_operations());
    } else {
      ParseOperation(line, *branch.add_operations());
    }
    line.Expect("}");
  });
}

void ParseTransaction(Scanner& line, meta::TxnRequest& request) {
  while (!line.AtEnd()) {
    if (line.Take("operations")) {
      ParseBranches(line, *request.mutable_operations());
    } else if (line.Take("condition")) {
      ParseList(line, "[", "]", [&] { ParseCondition(line, *request.add_condition()); });
    } else if (line.Take("then")) {
      ParseOperations(line, *request.mutable_if_then());
    } else {
      line.Expect("else");
      ParseOperations(line, *request.mutable_else_then());
    }
  }
}

void ParseCommand(Scanner& line, pb::Command& command) {
  if (line.Take("UpsertKV")) {
    ParseUpsert(line, *command.mutable_upsert_kv());
  } else if (line.Take("Txn")) {
    ParseTransaction(line, *command.mutable_transaction());
  } else if (line.Take("KvTxn")) {
    meta::KvTransactionRequest request;
    ParseBranches(line, *request.mutable_branches());
    *command.mutable_kv_transaction() = sm::FromRequest(request);
  } else if (line.Take("AddNode")) {
    meta::CmdAddNode& add = *command.mutable_add_node();
    add.set_node_id(line.Number<std::uint64_t>());
    line.Expect("=");
    add.mutable_node()->set_name(line.Word());
    add.set_overriding(line.Take("overriding"));
  } else if (line.Take("RemoveNode")) {
    command.mutable_remove_node()->set_node_id(line.Number<std::uint64_t>());
  } else {
    line.Expect("SetFeature");
    command.mutable_set_feature()->set_feature(line.Word());
    command.mutable_set_feature()->set_enable(line.Take("true"));
    if (!command.set_feature().enable()) line.Expect("false");
  }
}

}  // namespace

SmModel ParseState(std::string_view text, std::uint64_t proposed_at_ms) {
  SmModel state;
  Scanner line(text);
  line.Expect("S=");
  state.seq = line.Number<std::uint64_t>();
  line.Expect(";");
  if (!line.Take("(empty)")) {
    do {
      ParseRecord(line, proposed_at_ms, state);
    } while (line.Take(","));
  }
  while (line.Take(";")) {
    if (line.Take("nodes")) {
      ParseList(line, "{", "}", [&] {
        meta::Node& node = state.nodes[line.Number<std::uint64_t>()];
        line.Expect("=");
        node.set_name(line.Word());
      });
    } else {
      line.Expect("features");
      ParseList(line, "{", "}", [&] { state.features.insert(line.Word()); });
    }
  }
  CHECK(line.AtEnd());
  return state;
}

EntryText ParseEntry(std::string_view text) {
  EntryText entry;
  Scanner line(text);
  if (line.Take("blank")) return entry;
  entry.is_membership = line.Take("membership");
  if (entry.is_membership) return entry;
  entry.command.emplace().set_time_ms(line.Time());
  line.Expect(":");
  ParseCommand(line, *entry.command);
  CHECK(line.AtEnd());
  return entry;
}

ReadText ParseRead(std::string_view text) {
  ReadText read;
  Scanner line(text);
  read.now = WallMillis(line.Time());
  line.Expect(":");
  if (line.Take("GetKV")) {
    read.keys.push_back(line.Word());
  } else if (line.Take("MGetKV") || line.Take("KvGetMany")) {
    ParseList(line, "[", "]", [&] { read.keys.push_back(line.Word()); });
  } else {
    if (!line.Take("ListKV")) line.Expect("KvList");
    read.prefix = line.Word();
    if (line.Take("limit")) read.limit = line.Number<std::size_t>();
  }
  CHECK(line.AtEnd());
  return read;
}

}  // namespace metasrv::testing
