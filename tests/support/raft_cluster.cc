#include "tests/support/raft_cluster.h"

#include <algorithm>

#include "common/check.h"
#include "consensus/invariants.h"
#include "consensus/print.h"

namespace metasrv::test {

void Disk::Apply(const Persist& write) {
  if (write.hard_state) hard_state = *write.hard_state;
  if (write.reset_to) {
    log.clear();
    purged = write.reset_to;
  }
  if (write.truncate_from) std::erase_if(log, [&](const Entry& e) { return e.id.index >= *write.truncate_from; });
  log.insert(log.end(), write.append.begin(), write.append.end());
  if (write.purge_to) {
    std::erase_if(log, [&](const Entry& e) { return e.id.index <= write.purge_to->index; });
    purged = write.purge_to;
  }
}

NodeSet RaftCluster::ids() const {
  NodeSet ids;
  for (const auto& [id, disk] : disks_) ids.push_back(id);
  return ids;
}

void RaftCluster::Create(const NodeSet& voters) {
  for (NodeId id : voters) {
    disks_[id].log.push_back(Entry::OfMembership({Term(0), voters.front(), LogIndex(0)}, UniformMembership(voters)));
    Restart(id);
  }
}

void RaftCluster::CreateRecorded(const NodeSet& voters) {
  Membership membership = UniformMembership(voters);
  membership.identity.cluster = ClusterId(77);
  for (NodeId id : voters) {
    disks_[id].incarnation = MakeIncarnation(100 * id.value(), id != voters.front());
    membership.identity.Record(id, disks_[id].incarnation);
  }
  for (NodeId id : voters) {
    disks_[id].log.push_back(Entry::OfMembership({Term(0), voters.front(), LogIndex(0)}, membership));
    Restart(id);
  }
}

void RaftCluster::CreateImported(const NodeSet& voters) {
  for (NodeId id : voters) disks_[id].incarnation = MakeIncarnation(100 * id.value(), false);
  Create(voters);
}

Disk RaftCluster::Wipe(NodeId id) {
  if (IsUp(id)) Crash(id);
  Disk old = std::exchange(disks_.at(id), Disk());
  disks_.at(id).incarnation = MakeIncarnation(10'000 + 2 * seed_, true);
  Restart(id);
  return old;
}

void RaftCluster::PutDisk(NodeId id, Disk disk) {
  if (IsUp(id)) Crash(id);
  disks_.at(id) = std::move(disk);
  Restart(id);
}

void RaftCluster::Join(NodeId leader, NodeId id, RequestId request) {
  Step(leader,
       ChangeMembership{.id = request, .node = id, .goal = MembershipGoal::kVoter, .disk = disks_.at(id).incarnation});
}

void RaftCluster::CreateEmpty(NodeId id) {
  disks_[id];
  Restart(id);
}

void RaftCluster::Restart(NodeId id) {
  CHECK(!IsUp(id));
  RaftOptions options = options_;
  options.id = id;
  const Disk& disk = disks_.at(id);
  Recovered recovered{.hard_state = disk.hard_state,
                      .log = Log(disk.purged, disk.log),
                      .memberships = {},
                      .state = disk.state,
                      .incarnation = disk.incarnation};
  for (const Entry& entry : disk.log) {
    const bool applied = disk.state.last && entry.id.index <= disk.state.last->index;
    if (!applied && entry.kind == EntryKind::kMembership) recovered.memberships.push_back(entry);
  }
  rafts_.emplace(id, Raft(options, std::move(recovered), now_, Prng(seed_++).Fork("election")));
}

void RaftCluster::Crash(NodeId id) {
  rafts_.erase(id);
  held_.erase(id);
  staged_.erase(id);
  disks_.at(id).in_flight.clear();
  disks_.at(id).loads.clear();
}

void RaftCluster::Step(NodeId id, Input input) {
  Raft& raft = rafts_.at(id);
  const RaftCore before = raft.core();
  Output out = raft.Step(now_, std::move(input));
  CheckTransition(before, raft.core());
  Absorb(id, std::move(out));
  CheckCluster();
}

void RaftCluster::Absorb(NodeId id, Output out) {
  const Incarnation own_disk = disks_.at(id).incarnation;
  for (const Outgoing& outgoing : out.messages) {
    InFlight message{.from = id,
                     .to = outgoing.to,
                     .message = outgoing.message,
                     .meta = {},
                     .payloads = {},
                     .term = {},
                     .disk = own_disk};
    if (outgoing.after == PersistSeq(0)) {
      Post(std::move(message));
    } else {
      held_[id].push_back({outgoing.after, std::move(message)});
    }
  }
  for (const Entry& entry : out.committed) ApplyEntry(id, entry);
  for (const Proposed& p : out.proposed) {
    answers_.push_back(std::to_string(id.value()) + ": proposal " + std::to_string(p.id.value()) +
                       (p.entry        ? " is entry " + Print(p.entry)
                        : p.over_limit ? " over the limit"
                                       : " refused") +
                       (p.successor ? ", ask " + std::to_string(p.successor->value()) : ""));
  }
  for (const ReadReady& read : out.reads) {
    answers_.push_back(std::to_string(id.value()) + ": read " + std::to_string(read.id.value()) +
                       (read.end ? " after " + std::to_string(read.end->value()) + " entries" : " failed"));
  }
  for (const MembershipDone& done : out.membership_done) {
    static constexpr const char* kNames[] = {
        "done",    "not leader", "in progress",  "not caught up", "lost leadership",
        "refused", "no quorum",  "leader alive", "other disk",    "silent disk"};
    answers_.push_back(std::to_string(id.value()) + ": change " + std::to_string(done.id.value()) + " " +
                       kNames[static_cast<std::size_t>(done.result)]);
    for (NodeId voter : done.unreachable) answers_.back() += ", not reached: " + std::to_string(voter.value());
  }
  for (const TransferDone& done : out.transfer_done) {
    answers_.push_back(std::to_string(id.value()) + ": transfer " + std::to_string(done.id.value()) +
                       (done.to ? " to " + std::to_string(done.to->value()) : "") + ": " + ToString(done.result));
  }
  for (const SendSnapshot& send : out.send_snapshots) {
    const Disk& disk = disks_.at(id);
    Post({.from = id,
          .to = send.to,
          .message = {},
          .meta = disk.state,
          .payloads = disk.payloads,
          .term = send.term,
          .disk = disk.incarnation});
  }
  if (out.install_snapshot) {
    disks_.at(id).state = *out.install_snapshot;
    disks_.at(id).payloads = std::move(staged_.at(id));
    staged_.erase(id);
    Step(id, SnapshotInstalled{*out.install_snapshot});
  }
  for (const LoadEntries& load : out.loads) disks_.at(id).loads.push_back(load);
  if (!disks_.at(id).slow_reads) Read(id);
  if (out.persist) {
    disks_.at(id).in_flight.push_back(*out.persist);
    if (!disks_.at(id).manual) Persist(id);
  }
}

void RaftCluster::Persist(NodeId id) {
  while (IsUp(id) && !disks_.at(id).in_flight.empty()) {
    metasrv::Persist write = std::move(disks_.at(id).in_flight.front());
    disks_.at(id).in_flight.pop_front();
    disks_.at(id).Apply(write);
    Complete(id, write);
  }
}

void RaftCluster::Read(NodeId id) {
  while (IsUp(id) && !disks_.at(id).loads.empty()) {
    const LoadEntries load = disks_.at(id).loads.front();
    disks_.at(id).loads.erase(disks_.at(id).loads.begin());
    EntriesLoaded loaded{.peer = load.peer, .begin = load.begin, .entries = {}};
    std::size_t bytes = 0;
    for (const Entry& entry : disks_.at(id).log) {
      if (entry.id.index < load.begin || entry.id.index >= load.end) continue;
      if (entry.id.index.value() != load.begin.value() + loaded.entries.size()) break;
      bytes += entry.ByteSize();
      if (!loaded.entries.empty() && bytes > load.bytes_max) break;
      loaded.entries.push_back(entry);
    }
    Step(id, std::move(loaded));
  }
}

void RaftCluster::Complete(NodeId id, const metasrv::Persist& write) {
  std::vector<Held> still;
  for (Held& held : held_[id]) {
    if (held.after <= write.seq) {
      Post(std::move(held.message));
    } else {
      still.push_back(std::move(held));
    }
  }
  held_[id] = std::move(still);
  Step(id, Persisted{write.seq});
}

void RaftCluster::Post(InFlight message) {
  if (isolated_.contains(message.from) || isolated_.contains(message.to)) {
    if (!message.message && IsUp(message.from))
      Step(message.from, SnapshotSent{.to = message.to, .delivered = false, .last = {}});
    return;
  }
  network_.push_back(std::move(message));
}

void RaftCluster::DeliverOne(InFlight message) {
  const bool arrives = IsUp(message.to) && !isolated_.contains(message.from) && !isolated_.contains(message.to);
  if (!message.message) {
    if (arrives) {
      Receive(message.to, message);
    } else if (IsUp(message.from)) {
      Step(message.from, SnapshotSent{.to = message.to, .delivered = false, .last = {}});
    }
  } else if (arrives) {
    Step(message.to, Received{message.from, std::move(*message.message), message.disk});
  }
}

void RaftCluster::Receive(NodeId id, InFlight transfer) {
  staged_[id] = transfer.payloads;
  Step(id, SnapshotReceived{.from = transfer.from, .term = transfer.term, .meta = transfer.meta});
  if (IsUp(transfer.from)) {
    Step(transfer.from,
         SnapshotSent{
             .to = id, .delivered = true, .last = transfer.meta.last, .incarnation = disks_.at(id).incarnation});
  }
}

std::vector<std::string> RaftCluster::Deliver(const std::function<bool(NodeId, NodeId)>& which) {
  std::vector<std::string> texts;
  std::deque<InFlight> batch = std::exchange(network_, {});
  for (InFlight& message : batch) {
    if (!which(message.from, message.to)) {
      network_.push_back(std::move(message));
      continue;
    }
    texts.push_back(std::to_string(message.from.value()) + "->" + std::to_string(message.to.value()) + " " +
                    (message.message ? Print(*message.message) : "Snapshot last=" + Print(message.meta.last)));
    DeliverOne(std::move(message));
  }
  return texts;
}

std::size_t RaftCluster::Drop(const std::function<bool(NodeId, NodeId)>& which) {
  std::deque<InFlight> batch = std::exchange(network_, {});
  std::size_t count = 0;
  for (InFlight& message : batch) {
    if (!which(message.from, message.to)) {
      network_.push_back(std::move(message));
      continue;
    }
    ++count;
    if (!message.message && IsUp(message.from))
      Step(message.from, SnapshotSent{.to = message.to, .delivered = false, .last = {}});
  }
  return count;
}

void RaftCluster::Copy(const std::function<bool(NodeId, NodeId)>& which) {
  for (const InFlight& message : network_) {
    if (which(message.from, message.to)) copies_.push_back(message);
  }
}

void RaftCluster::Replay() {
  for (InFlight& message : std::exchange(copies_, {})) Post(std::move(message));
}

void RaftCluster::Stabilize() {
  for (int rounds = 0; rounds < 1000; ++rounds) {
    for (NodeId id : ids()) Persist(id);
    for (NodeId id : ids()) Read(id);
    if (network_.empty()) return;
    Deliver([](NodeId, NodeId) { return true; });
  }
  CheckFailed(__FILE__, __LINE__, "Stabilize", "messages never end");
}

void RaftCluster::Isolate(NodeId id) {
  isolated_.insert(id);
  Drop([id](NodeId from, NodeId to) { return from == id || to == id; });
}

void RaftCluster::Heal() { isolated_.clear(); }

void RaftCluster::Advance(Duration time) {
  const Instant target = now_ + time;
  while (true) {
    std::optional<NodeId> next;
    for (const auto& [id, raft] : rafts_) {
      if (!next || raft.next_deadline() < rafts_.at(*next).next_deadline()) next = id;
    }
    if (!next || rafts_.at(*next).next_deadline() > target) break;
    now_ = std::max(now_, rafts_.at(*next).next_deadline());
    Step(*next, Tick{});
  }
  now_ = target;
}

bool RaftCluster::Converge() {
  Heal();
  for (NodeId id : ids()) {
    disks_.at(id).manual = false;
    disks_.at(id).slow_reads = false;
    if (!IsUp(id)) Restart(id);
    Step(id, DiskHealth{DiskLevel::kOk});
  }
  for (int i = 0; i < 200; ++i) {
    Stabilize();
    const auto chief = leader();
    const bool all_applied = chief && std::all_of(rafts_.begin(), rafts_.end(), [&](const auto& item) {
                               const RaftCore& chief_core = raft(*chief).core();
                               return !chief_core.membership().current().Contains(item.first) ||
                                      item.second.core().emitted_end() == chief_core.log().end();
                             });
    if (all_applied) return true;
    Advance(Duration::Millis(100));
  }
  return false;
}

std::optional<NodeId> RaftCluster::leader() const {
  std::optional<NodeId> best;
  for (const auto& [id, raft] : rafts_) {
    if (raft.status().role != RoleName::kLeader) continue;
    if (!best || raft.status().hard_state.term > rafts_.at(*best).status().hard_state.term) best = id;
  }
  return best;
}

void RaftCluster::ApplyEntry(NodeId id, const Entry& entry) {
  Disk& disk = disks_.at(id);
  CHECK(!disk.state.last || entry.id.index == disk.state.last->index.Next());
  auto [known, is_new] = committed_.try_emplace(entry.id.index, entry);
  CHECK(known->second == entry);  // State Machine Safety (thesis §3.6.3)
  disk.state.last = entry.id;
  if (entry.kind == EntryKind::kMembership) {
    disk.state.membership = *entry.membership;
    disk.state.membership_id = entry.id;
  }
  if (entry.kind == EntryKind::kNormal) disk.payloads.push_back(*entry.payload);
}

void RaftCluster::CheckCluster() {
  for (const auto& [id, raft] : rafts_) {
    const RaftCore& core = raft.core();
    if (std::holds_alternative<Leader>(core.role())) {
      CHECK(leaders_.try_emplace(core.hard_state().term, id).first->second == id);  // Election Safety (thesis §3.4)
    }
    for (LogIndex i = core.log().begin(); i < core.commit_end(); i = i.Next()) {
      auto known = committed_.find(i);
      if (known != committed_.end()) CHECK(known->second.id == core.log().IdAt(i));
    }
  }
}

std::string RaftCluster::StatusLine(NodeId id) const {
  if (!IsUp(id)) return std::to_string(id.value()) + ": down";
  const RaftCore& core = raft(id).core();
  const RaftStatus status = raft(id).status();
  std::string role = ToString(status.role);
  if (std::holds_alternative<PreCandidate>(core.role())) role = "PreCandidate";
  std::string text = std::to_string(id.value()) + ": " + role +
                     " term=" + std::to_string(status.hard_state.term.value()) + " last=" + Print(status.last) +
                     " commit=" + std::to_string(status.commit_end.value()) +
                     " durable=" + std::to_string(status.durable_end.value());
  if (status.purged) text += " purged=" + Print(status.purged);
  if (status.leader) text += " leader=" + std::to_string(status.leader->value());
  if (core.IsTransferring()) text += " transferring";
  if (core.disk() != DiskLevel::kOk) text += core.disk() == DiskLevel::kSlow ? " disk=slow" : " disk=stalled";
  return text;
}

}  // namespace metasrv::test
