#include "server/request_log.h"

#include <atomic>
#include <string>
#include <utility>

#include "server/log.h"

namespace metasrv::server {
namespace {

using std::chrono::steady_clock;

constexpr auto kSlow = std::chrono::seconds(1);
constexpr auto kPause = std::chrono::seconds(1);

// What a command is, without the data in it.
std::string Describe(const pb::Command& command) {
  switch (command.cmd_case()) {
    case pb::Command::kUpsertKv: return "UpsertKV key=" + command.upsert_kv().key();
    case pb::Command::kTransaction: {
      const meta::TxnRequest& txn = command.transaction();
      return "Transaction operations=" + std::to_string(txn.operations_size()) +
             " condition=" + std::to_string(txn.condition_size()) + " if_then=" + std::to_string(txn.if_then_size()) +
             " else_then=" + std::to_string(txn.else_then_size());
    }
    case pb::Command::kKvTransaction:
      return "KvTransaction branches=" + std::to_string(command.kv_transaction().branches_size());
    case pb::Command::kAddNode: return "AddNode id=" + std::to_string(command.add_node().node_id());
    case pb::Command::kRemoveNode: return "RemoveNode id=" + std::to_string(command.remove_node().node_id());
    case pb::Command::kSetFeature: return "SetFeature " + command.set_feature().feature();
    case pb::Command::CMD_NOT_SET: break;
  }
  return "nothing";
}

std::string Describe(const node::WriteResult& result) {
  if (result.status != node::WriteStatus::kApplied) return "raft.client_write res err: " + result.detail;
  if (result.entry) return "raft.client_write res ok: log_id: " + ToString(*result.entry);
  const std::string leader = result.forwarded_to ? std::to_string(result.forwarded_to->value()) : "?";
  return "raft.client_write res ok: forwarded to node " + leader;
}

const char* NameOf(CallKind kind) {
  return kind == CallKind::kRead ? "read" : kind == CallKind::kWrite ? "write" : "other";
}

}  // namespace

std::function<void(node::WriteResult)> LogWrite(const pb::Command& command,
                                                std::function<void(node::WriteResult)> done) {
  if (!LogTakes(LogLevel::kDebug)) return done;
  Log(LogLevel::kDebug, "write LogEntry: " + Describe(command));
  return [done = std::move(done)](node::WriteResult result) {
    Log(LogLevel::kDebug, Describe(result));
    done(std::move(result));
  };
}

bool LogIfSlow(CallKind kind, steady_clock::duration took) {
  static std::atomic<steady_clock::rep> next{0};
  static std::atomic<std::uint64_t> untold{0};
  if (took < kSlow) return false;
  const auto now = steady_clock::now().time_since_epoch();
  auto expected = next.load();
  if (now.count() < expected || !next.compare_exchange_strong(expected, (now + kPause).count())) {
    ++untold;
    return false;
  }
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  LogInfo("Elapsed: total: " + std::to_string(millis) + "ms; " + NameOf(kind) +
          "; others since the last such line: " + std::to_string(untold.exchange(0)));
  return true;
}

}  // namespace metasrv::server
