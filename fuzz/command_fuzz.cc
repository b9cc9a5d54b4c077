// Any bytes as a command that a client or another node sends: refused, or applied as the model does it and carried
// through a backup unchanged. The first byte says which message it is.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "backup/encode.h"
#include "backup/parse.h"
#include "backup/reply_json.h"
#include "common/check.h"
#include "sm/growth.h"
#include "sm/machine.h"
#include "sm/mem_store.h"
#include "sm/row_codec.h"
#include "sm/state_hash.h"
#include "sm/txn_convert.h"
#include "sm/validate.h"
#include "tests/support/sm_model.h"

namespace metasrv::fuzz {
namespace {

constexpr std::uint64_t kTimeMs = 1'700'000'000'000;

pb::Command Timed(std::uint64_t time_ms) {
  pb::Command command;
  command.set_time_ms(time_ms);
  return command;
}

// As the server makes it of what gRPC has parsed.
bool ReadCommand(char kind, std::string_view bytes, pb::Command& command) {
  if (kind == 'T') return command.mutable_transaction()->ParseFromString(std::string(bytes));
  if (kind != 'K') return sm::ParseCommand(bytes, command);
  meta::KvTransactionRequest request;
  if (!request.ParseFromString(std::string(bytes))) return false;
  *command.mutable_kv_transaction() = sm::FromRequest(request);
  return true;
}

// Something to meet: a few keys, one of which expires, a node and a feature.
void Prepare(auto apply) {
  const std::pair<const char*, const char*> records[] = {{"", "empty"}, {"a", "1"}, {"a/1", "x"}, {"n", "41"}};
  for (const auto& [key, value] : records) {
    pb::Command command = Timed(kTimeMs);
    command.mutable_upsert_kv()->set_key(key);
    command.mutable_upsert_kv()->mutable_seq()->mutable_any();
    command.mutable_upsert_kv()->mutable_value()->set_update(value);
    if (*key == 'n') command.mutable_upsert_kv()->mutable_value_meta()->set_ttl_ms(10);
    apply(command);
  }
  pb::Command node = Timed(kTimeMs);
  node.mutable_add_node()->set_node_id(1);
  node.mutable_add_node()->mutable_node()->set_name("1");
  apply(node);
}

bool SameRecord(const std::optional<meta::SeqV>& a, const std::optional<meta::SeqV>& b) {
  return a.has_value() == b.has_value() && (!a || a->SerializeAsString() == b->SerializeAsString());
}

void CheckApplied(const pb::Command& command) {
  sm::MemStore store;
  sm::Machine machine(store);
  testing::SmModel model;
  std::uint64_t index = 0;
  const auto apply = [&](const pb::Command& next) {
    const std::string payload = next.SerializeAsString();
    const sm::LogEntry entry{{Term(1), NodeId(1), LogIndex(index++)}, payload, nullptr};
    const auto applied = machine.Apply(std::span(&entry, 1));
    CHECK(applied.has_value());
    const auto outcome = model.Apply(next);
    CHECK_EQ(applied->front().reply.SerializeAsString(), outcome.reply.SerializeAsString());
    CHECK(nlohmann::json::accept(backup::AppliedStateJson(outcome.reply)));
    CHECK_EQ(applied->front().changes.size(), outcome.changes.size());
    for (std::size_t i = 0; i < outcome.changes.size(); ++i) {
      const sm::Change& got = applied->front().changes[i];
      CHECK_EQ(got.key, outcome.changes[i].key);
      CHECK(SameRecord(got.before, outcome.changes[i].before) && SameRecord(got.after, outcome.changes[i].after));
    }
    CHECK_EQ(machine.last_seq().value(), model.seq);
    CHECK_EQ(machine.state_hash(), sm::ComputeStateHash(store));
  };
  Prepare(apply);
  apply(command);
  apply(command);
}

std::string LineOf(const std::string& payload) {
  std::string line;
  backup::AppendLine(backup::EntryLine{Entry::Normal({Term(1), NodeId(2), LogIndex(3)}, payload)}, &line);
  return line;
}

// What the line means is what the command means: applied to the same state they do the same.
void CheckBackup(const pb::Command& command) {
  const std::string line = LineOf(command.SerializeAsString());
  backup::LineParser parser;
  const auto parsed = parser.Parse(line);
  CHECK(parsed.has_value());
  const std::string payload = *std::get<backup::EntryLine>(parsed->record).entry.payload;
  CHECK_EQ(LineOf(payload), line);
  pb::Command restored;
  CHECK(sm::ParseCommand(payload, restored));
  testing::SmModel model;
  Prepare([&](const pb::Command& next) { model.Apply(next); });
  testing::SmModel twin = model;
  CHECK_EQ(twin.Apply(restored).reply.SerializeAsString(), model.Apply(command).reply.SerializeAsString());
  CHECK_EQ(twin.seq, model.seq);
}

}  // namespace
}  // namespace metasrv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using metasrv::fuzz::kTimeMs;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  metasrv::pb::Command command;
  if (!metasrv::fuzz::ReadCommand(static_cast<char>(data[0]), bytes, command)) return 0;
  if (metasrv::sm::WhyInvalid(command)) return 0;
  command.DiscardUnknownFields();  // not part of a backup
  if (!command.has_time_ms()) command.set_time_ms(kTimeMs + 5);
  static_cast<void>(metasrv::sm::MayGrow(command));
  metasrv::fuzz::CheckApplied(command);
  command.clear_request_id();  // not part of a backup either
  metasrv::fuzz::CheckBackup(command);
  return 0;
}
