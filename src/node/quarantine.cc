#include "node/quarantine.h"

#include <utility>

#include "common/check.h"
#include "sm/read.h"

namespace metasrv::node {
namespace {

constexpr int kAskAfterHeartbeats = 2;

}  // namespace

Quarantine::Quarantine(Context& context, Pump& pump, sm::Machine& machine, AskLeader ask_leader)
    : context_(context),
      pump_(pump),
      machine_(machine),
      ask_leader_(std::move(ask_leader)),
      ask_again_(context.env.loop),
      active_(sm::ReadQuarantine(context.env.state_store).has_value()) {}

void Quarantine::Start() {
  if (active_) Apply(*sm::ReadQuarantine(context_.env.state_store) + " (found before the restart)", true);
}

void Quarantine::Enter(const std::string& reason) {
  if (active_) return;
  active_ = true;
  if (!machine_.MarkQuarantined(reason)) return pump_.Fail("state store: a write failed");
  context_.env.state_store.Flush(context_.lifetime.Guard([this](bool ok) {
    if (!ok) pump_.Fail("state store: a flush failed");
  }));
  Apply(reason, false);
}

void Quarantine::Apply(const std::string& reason, bool after_restart) {
  const auto last = machine_.last_applied();
  context_.Warn("QUARANTINED: the state of this node is wrong: " + reason +
                ". It serves no reads and does not lead until it has fetched the state from the leader; if that does "
                "not happen by itself, see to it that a majority of the other voters is up, and check memory and disk");
  context_.Emit({TraceKind::kQuarantined, last ? last->index.value() : 0, after_restart ? 1U : 0U, {}});
  pump_.Feed(metasrv::Quarantine{});
  Ask();
}

void Quarantine::Ask() {
  ask_again_.Set(context_.Now() + context_.options.raft.heartbeat_interval * kAskAfterHeartbeats, [this] { Ask(); });
  const auto leader = pump_.view().leader;
  if (leader && *leader != context_.id()) ask_leader_(*leader);
}

void Quarantine::Leave() {
  if (!std::exchange(active_, false)) return;
  ask_again_.Cancel();
  const auto last = machine_.last_applied();
  context_.Emit({TraceKind::kResynced, last ? last->index.value() : 0, 0, {}});
  context_.Info("the state of this node was replaced by the leader's: it serves again");
}

}  // namespace metasrv::node
