#include "node/state_audit.h"

#include <algorithm>

#include "consensus/core.h"
#include "consensus/quorum.h"

namespace metasrv::node {
namespace {

constexpr std::size_t kOwnMax = 4;        // checkpoints told to others
constexpr std::size_t kReportedMax = 16;  // checkpoints of others that are remembered
constexpr std::size_t kNotesMax = 64;
constexpr int kRepeatAfterHeartbeats = 20;

template <class Container>
void KeepNewest(Container& items, std::size_t max) {
  while (items.size() > max) items.erase(items.begin());
}

}  // namespace

StateAudit::StateAudit(Context& context, Pump& pump, const sm::Machine& machine, Send send, OnWrong on_wrong)
    : context_(context),
      pump_(pump),
      machine_(machine),
      send_(std::move(send)),
      on_wrong_(std::move(on_wrong)),
      repeat_(context.env.loop) {}

void StateAudit::Start() {
  if (context_.options.checkpoint_interval > 0) Repeat();
}

// A lost report is made up for by a later one; on a quiet cluster by the repetition.
void StateAudit::Repeat() {
  const Duration pause = context_.options.raft.heartbeat_interval * kRepeatAfterHeartbeats;
  repeat_.Set(context_.Now() + pause, [this] {
    Repeat();
    Report();
  });
}

void StateAudit::OnCheckpoint() {
  const LogIndex index = machine_.last_applied()->index;
  own_[index] = machine_.state_hash();
  KeepNewest(own_, kOwnMax);
  Report();
  Judge(index);
}

void StateAudit::Report() {
  const Membership& members = pump_.raft().core().membership().current();
  if (own_.empty() || !members.IsVoter(context_.id())) return;
  pb::CheckpointReport report;
  for (const auto& [index, hash] : own_) {
    auto* checkpoint = report.add_checkpoints();
    checkpoint->set_index(index.value());
    checkpoint->set_state_hash(hash);
  }
  for (const NodeId id : Union(members.Voters(), members.nodes)) {
    if (id != context_.id()) send_(id, report);
  }
}

void StateAudit::OnReport(NodeId from, const pb::CheckpointReport& report) {
  for (const auto& checkpoint : report.checkpoints()) {
    const LogIndex index(checkpoint.index());
    reported_[index][from] = checkpoint.state_hash();
    KeepNewest(reported_, kReportedMax);
    if (own_.contains(index)) Judge(index);
  }
}

void StateAudit::Judge(LogIndex index) {
  const auto mine = own_.find(index);
  const auto others = reported_.find(index);
  if (mine == own_.end() || others == reported_.end()) return;
  const Membership& members = pump_.raft().core().membership().current();
  Hashes all = others->second;
  all[context_.id()] = mine->second;
  for (const auto& [node, hash] : all) {
    const bool agreed = HasQuorum(members, [&all, agreed_hash = hash](NodeId id) {
      const auto found = all.find(id);
      return found != all.end() && found->second == agreed_hash;
    });
    if (!agreed) continue;
    for (const auto& [other, other_hash] : all) {
      if (other_hash != hash) Note(index, other, other_hash);
    }
    return;
  }
  const NodeSet voters = members.Voters();
  if (std::ranges::all_of(voters, [&](NodeId id) { return all.contains(id); })) Dispute(index);
}

void StateAudit::Note(LogIndex index, NodeId node, std::uint64_t hash) {
  if (node == context_.id()) {
    return on_wrong_("after entry " + std::to_string(index.value()) + " its hash is " + std::to_string(hash) +
                     ", and a majority of the voters agrees on another");
  }
  if (!seen_wrong_.insert({index, node}).second) return;
  KeepNewest(seen_wrong_, kNotesMax);
  context_.Emit({TraceKind::kDivergenceSeen, node.value(), index.value(), {}});
  context_.Warn("the state of node " + std::to_string(node.value()) + " differs from that of a majority after entry " +
                std::to_string(index.value()) + "; it should notice and fetch the state anew");
}

void StateAudit::Dispute(LogIndex index) {
  if (!disputed_.insert(index).second) return;
  KeepNewest(disputed_, kNotesMax);
  context_.Emit({TraceKind::kDivergenceDisputed, index.value(), 0, {}});
  context_.Warn("the voters' states differ after entry " + std::to_string(index.value()) +
                " and no majority agrees: nobody can tell which is right. Export every node's data and compare");
}

void StateAudit::Forget() { own_.clear(); }

}  // namespace metasrv::node
