#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "sm/layout.h"
#include "sm/machine.h"
#include "sm/mem_store.h"
#include "sm/read.h"
#include "sm/state_hash.h"
#include "sm/txn_convert.h"
#include "tests/sm/notation.h"
#include "tests/sm/random_commands.h"

namespace metasrv::testing {
namespace {

std::string Bytes(const std::optional<meta::SeqV>& record) { return record ? record->SerializeAsString() : "absent"; }

bool SameChanges(const std::vector<sm::Change>& a, const std::vector<sm::Change>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const sm::Change& x, const sm::Change& y) {
    return x.key == y.key && Bytes(x.before) == Bytes(y.before) && Bytes(x.after) == Bytes(y.after);
  });
}

template <class Key, class Message>
bool SameMessages(const std::map<Key, Message>& a, const std::map<Key, Message>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.SerializeAsString() == y.second.SerializeAsString();
  });
}

bool SameState(const SmModel& a, const SmModel& b) {
  return a.seq == b.seq && SameMessages(a.records, b.records) && SameMessages(a.nodes, b.nodes) &&
         a.features == b.features;
}

void ExpectSame(const sm::Applied& applied, const SmModel::Outcome& outcome) {
  RC_ASSERT(applied.reply.SerializeAsString() == outcome.reply.SerializeAsString());
  RC_ASSERT(SameChanges(applied.changes, outcome.changes));
}

// Entries that own what a LogEntry points to: commands, and now and then a blank or a membership entry.
struct History {
  std::vector<std::string> payloads;
  std::vector<std::optional<meta::Membership>> memberships;

  [[nodiscard]] std::vector<sm::LogEntry> Entries() const {
    std::vector<sm::LogEntry> entries;
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      const LogId id{Term(1 + i / 7), NodeId(1), LogIndex(i)};
      entries.push_back({id, payloads[i], memberships[i] ? &*memberships[i] : nullptr});
    }
    return entries;
  }
};

History AnyHistory() {
  History history;
  for (const pb::Command& command : *rc::gen::container<std::vector<pb::Command>>(AnyCommand())) {
    const int kind = *rc::gen::inRange(0, 12);
    history.payloads.push_back(kind < 10 ? command.SerializeAsString() : "");
    history.memberships.emplace_back();
    if (kind != 11) continue;
    history.memberships.back().emplace().add_nodes(history.payloads.size());
  }
  return history;
}

// Commands of which most have a name, by a clock that makes names be forgotten.
std::vector<pb::Command> AnyNamedCommands() {
  auto commands = *rc::gen::container<std::vector<pb::Command>>(AnyCommand());
  for (pb::Command& command : commands) {
    if (*rc::gen::inRange(0, 4) > 0) command.set_request_id(*rc::gen::element<std::string>("a", "b", "c", "d"));
    const auto minutes = *rc::gen::inRange<std::uint64_t>(0, 25);
    if (command.has_time_ms()) command.set_time_ms(command.time_ms() + minutes * 60'000);
  }
  return commands;
}

// What an imported backup may hold: index rows without a record, and a sequence that is behind them.
sm::WriteBatch AnyLeftovers() {
  sm::WriteBatch rows;
  for (int i = *rc::gen::inRange(0, 6); i > 0; --i) {
    pb::ExpireValue value;
    value.set_seq(1);
    value.set_key(*AnyKey());
    rows.Put(sm::ExpireRow(*AnyTime(), *rc::gen::inRange<std::uint64_t>(0, 20)), value.SerializeAsString());
  }
  return rows;
}

// Applies `entries` in batches that end where `cut` says so.
template <class Cut>
std::vector<sm::Applied> ApplyInBatches(sm::Store& store, const std::vector<sm::LogEntry>& entries, Cut cut) {
  std::vector<sm::Applied> all;
  std::optional<sm::Machine> machine(store);
  std::size_t begin = 0;
  for (std::size_t end = 1; end <= entries.size(); ++end) {
    if (end < entries.size() && !cut()) continue;
    auto applied = machine->Apply(std::span(entries).subspan(begin, end - begin));
    RC_ASSERT(applied.has_value());
    for (auto& one : *applied) all.push_back(std::move(one));
    RC_ASSERT(machine->state_hash() == sm::ComputeStateHash(store));
    RC_ASSERT(sm::ReadStateHash(store) == machine->state_hash());
    begin = end;
    if (cut()) machine.emplace(store);  // a restart must not be seen either
  }
  return all;
}

RC_GTEST_PROP(MachineAndModel, AgreeOnRepliesChangesAndStateAfterEveryCommand, ()) {
  const auto commands = *rc::gen::container<std::vector<pb::Command>>(AnyCommand());
  sm::MemStore store;
  sm::Machine machine(store);
  SmModel model;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const std::string payload = commands[i].SerializeAsString();
    const sm::LogEntry entry{{Term(1), NodeId(1), LogIndex(i)}, payload, nullptr};
    const auto applied = machine.Apply(std::span(&entry, 1));
    RC_ASSERT(applied.has_value());
    ExpectSame(applied->front(), model.Apply(commands[i]));
    RC_ASSERT(SameState(StateOf(store), model));
  }
}

RC_GTEST_PROP(MachineAndModel, AgreeWhenManyCommandsShareOneBatch, ()) {
  const auto commands = *rc::gen::container<std::vector<pb::Command>>(AnyCommand());
  History history;
  for (const pb::Command& command : commands) history.payloads.push_back(command.SerializeAsString());
  history.memberships.resize(commands.size());
  sm::MemStore store;
  const auto applied = ApplyInBatches(store, history.Entries(), [] { return *rc::gen::inRange(0, 5) == 0; });
  SmModel model;
  for (std::size_t i = 0; i < commands.size(); ++i) ExpectSame(applied[i], model.Apply(commands[i]));
  RC_ASSERT(SameState(StateOf(store), model));
}

RC_GTEST_PROP(MachineAndModel, AgreeOnNamedWritesAcrossBatchesAndRestarts, ()) {
  const auto commands = AnyNamedCommands();
  History history;
  for (const pb::Command& command : commands) history.payloads.push_back(command.SerializeAsString());
  history.memberships.resize(commands.size());
  sm::MemStore batched;
  const auto applied = ApplyInBatches(batched, history.Entries(), [] { return *rc::gen::inRange(0, 3) == 0; });
  SmModel model;
  for (std::size_t i = 0; i < commands.size(); ++i) ExpectSame(applied[i], model.Apply(commands[i]));
  RC_ASSERT(SameState(StateOf(batched), model));
  sm::MemStore one_by_one;
  ApplyInBatches(one_by_one, history.Entries(), [] { return true; });
  RC_ASSERT(sm::HashState(one_by_one) == sm::HashState(batched));
}

RC_GTEST_PROP(Batches, SplitAnywhereGiveTheSameRows, ()) {
  const History history = AnyHistory();
  sm::MemStore one_by_one;
  RC_ASSERT(one_by_one.Write(AnyLeftovers()));
  sm::MemStore batched = one_by_one;
  const auto singles = ApplyInBatches(one_by_one, history.Entries(), [] { return true; });
  const auto groups = ApplyInBatches(batched, history.Entries(), [] { return *rc::gen::inRange(0, 3) == 0; });
  RC_ASSERT(sm::HashState(one_by_one) == sm::HashState(batched));
  RC_ASSERT(singles.size() == groups.size());
  for (std::size_t i = 0; i < singles.size(); ++i) {
    RC_ASSERT(singles[i].id == groups[i].id);
    RC_ASSERT(singles[i].reply.SerializeAsString() == groups[i].reply.SerializeAsString());
    RC_ASSERT(SameChanges(singles[i].changes, groups[i].changes));
  }
}

RC_GTEST_PROP(Reads, HideExpiredRecordsAndMatchPrefixesAsTheModelDoes, ()) {
  sm::MemStore store;
  SmModel model;
  const auto commands = *rc::gen::container<std::vector<pb::Command>>(AnyCommand());
  for (const pb::Command& command : commands) model.Apply(command);
  RC_ASSERT(store.Write(RowsOf(model)));
  const std::uint64_t now = *AnyTime();
  const std::string key = *AnyKey();
  RC_ASSERT(Bytes(sm::GetRecord(store, key, WallMillis(now))) == Bytes(model.Get(key, now)));
  const std::string prefix = *AnyPrefix();
  sm::PrefixScan scan(store, prefix, WallMillis(now));
  for (const meta::StreamItem& expected : model.List(prefix, now)) {
    const auto item = scan.Next();
    RC_ASSERT(item.has_value());
    RC_ASSERT(item->SerializeAsString() == expected.SerializeAsString());
  }
  RC_ASSERT(!scan.Next().has_value());
}

// The reply of a KvTransaction in terms of the equivalent Transaction, which knows the wire's own predicates.
RC_GTEST_PROP(KvTransactions, MeanTheSameAfterConversion, ()) {
  SmModel model;
  for (const pb::Command& command : *rc::gen::container<std::vector<pb::Command>>(AnyCommand())) model.Apply(command);
  const meta::KvTransactionRequest request = *AnyKvTransaction();
  pb::Command plain;
  *plain.mutable_transaction()->mutable_operations() = request.branches();
  pb::Command converted;
  *converted.mutable_kv_transaction() = sm::FromRequest(request);
  SmModel twin = model;
  const auto expected = model.Apply(plain).reply.transaction();
  const auto actual = twin.Apply(converted).reply.kv_transaction();
  RC_ASSERT(SameState(model, twin));
  const bool ran = expected.execution_path() != "then";
  RC_ASSERT(actual.has_executed_branch() == ran);
  if (ran) RC_ASSERT("operation:" + std::to_string(actual.executed_branch()) == expected.execution_path());
  RC_ASSERT(actual.responses_size() == expected.responses_size());
  for (int i = 0; i < actual.responses_size(); ++i) {
    RC_ASSERT(actual.responses(i).SerializeAsString() == expected.responses(i).SerializeAsString());
  }
}

}  // namespace
}  // namespace metasrv::testing
