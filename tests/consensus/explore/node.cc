#include "tests/consensus/explore/node.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "consensus/invariants.h"
#include "consensus/print.h"

namespace metasrv::test {
namespace {

// Beyond every timeout of the options.
Duration Silence(const RaftOptions& options) { return options.election_timeout_max * 2; }

bool Leads(const Node& node) { return std::holds_alternative<Leader>(node.raft.core().role()); }

std::optional<LogId> IdOnDisk(const Disk& disk, LogIndex index) {
  for (const Entry& entry : disk.log) {
    if (entry.id.index == index) return entry.id;
  }
  return std::nullopt;
}

Recovered FromDisk(const Disk& disk) {
  Recovered recovered{
      .hard_state = disk.hard_state, .log = Log(disk.purged, disk.log), .memberships = {}, .state = disk.state};
  for (const Entry& entry : disk.log) {
    const bool applied = disk.state.last && entry.id.index <= disk.state.last->index;
    if (!applied && entry.kind == EntryKind::kMembership) recovered.memberships.push_back(entry);
  }
  return recovered;
}

// What a message says must be on the sender's disk already (thesis §3.8).
std::optional<std::string> BrokenPromise(const Node& node, const Node::Held& held) {
  const auto* message = std::get_if<Message>(&held.packet.content);
  if (message == nullptr) return std::nullopt;
  const HardState& durable = node.disk.hard_state;
  if (const auto* vote = std::get_if<VoteResponse>(message); vote && vote->granted && !vote->pre_vote) {
    const bool kept = durable.term > vote->term || (durable.term == vote->term && durable.voted_for == held.packet.to);
    if (!kept) return "votes are durable first";
  }
  if (const auto* request = std::get_if<VoteRequest>(message); request && !request->pre_vote) {
    if (durable.term < request->term) return "a candidate's term is durable first";
  }
  if (held.promised) {
    const LogIndex index = held.promised->index;
    const bool covered = (node.disk.purged && index <= node.disk.purged->index) ||
                         (node.disk.state.last && index <= node.disk.state.last->index);
    if (!covered && IdOnDisk(node.disk, index) != held.promised) return "acknowledgements are durable first";
  }
  return std::nullopt;
}

}  // namespace

Digest Node::digest() const {
  StateDigest digest = StateDigest::For(raft.core());
  digest.Add(raft.core());
  const auto& [hard_state, purged, log, state, payloads, incarnation, in_flight, manual, loads, slow_reads] = disk;
  digest.Add(hard_state);
  digest.Add(purged);
  digest.Add(log);
  digest.Add(state);
  digest.Add(in_flight);
  digest.Add(held.size());
  for (const auto& [after, packet, promised] : held) {
    digest.Add(after);
    digest.Add(packet.to);
    digest.Add(std::get<Message>(packet.content));
    digest.Add(promised);
  }
  return digest.value();
}

Node NodeStepper::Boot(NodeId id, std::vector<Entry> log) const {
  RaftOptions options = physics_.options;
  options.id = id;
  Disk disk;
  disk.log = std::move(log);
  return {.raft = Raft(options, FromDisk(disk), Instant(), Prng(0)), .now = Instant(), .disk = disk, .held = {}};
}

Node NodeStepper::Restarted(const Node& node) const {
  Disk disk = node.disk;
  disk.in_flight.clear();
  if (physics_.forgets_hard_state) disk.hard_state = {disk.log.back().id.term, std::nullopt, false};
  // The state may be newer than the log when an installation was cut short; node/recovery.cc does the same.
  const LogId last = disk.state.last.value_or(LogId{});
  if (disk.state.last && IdOnDisk(disk, last.index) != disk.state.last && disk.purged != disk.state.last) {
    disk.purged = last;
    disk.log.clear();
  }
  return {.raft = Raft(node.raft.core().options(), FromDisk(disk), node.now, Prng(0)),
          .now = node.now,
          .disk = std::move(disk),
          .held = {}};
}

std::optional<Node> NodeStepper::Step(const Node& node, const Event& event, const Packet* packet,
                                      Effect& effect) const {
  using Kind = Event::Kind;
  if (event.kind == Kind::kCrash) return Restarted(node);
  Node next = node;
  switch (event.kind) {
    case Kind::kReceive: Receive(next, *packet, effect); return next;
    case Kind::kPersist:
      if (next.disk.in_flight.empty()) return std::nullopt;
      PersistOne(next, effect);
      return next;
    case Kind::kTimeout:
      if (Leads(node)) return std::nullopt;
      next.now = next.now + Silence(physics_.options);
      Feed(next, Tick{}, effect);
      break;
    case Kind::kHeartbeat:
      if (!Leads(node)) return std::nullopt;
      next.now = next.now + physics_.options.heartbeat_interval;
      Feed(next, Tick{}, effect);
      return next;
    case Kind::kStall:
      if (!Leads(node)) return std::nullopt;
      next.now = next.now + Silence(physics_.options);
      Feed(next, Tick{}, effect);
      break;
    case Kind::kPropose:
      if (!Leads(node)) return std::nullopt;
      Feed(next, Propose{{{RequestId(event.argument), std::to_string(event.argument)}}}, effect);
      return next;
    case Kind::kRead: Feed(next, Read{RequestId(event.argument)}, effect); return next;
    case Kind::kChange:
      if (!change_ || !Leads(node)) return std::nullopt;
      Feed(next, *change_, effect);
      break;
    case Kind::kTransfer:
      if (!Leads(node)) return std::nullopt;
      Feed(next, TransferLeadership{RequestId(300), NodeId(event.argument)}, effect);
      break;
    case Kind::kCompact: Compact(next, effect); break;
    case Kind::kCrash:
    case Kind::kLose: break;
  }
  if (next.digest() == node.digest() && effect.sent.empty()) return std::nullopt;
  return next;
}

void NodeStepper::Receive(Node& node, const Packet& packet, Effect& effect) const {
  if (const auto* transfer = std::get_if<Transfer>(&packet.content)) {
    Feed(node, SnapshotReceived{.from = packet.from, .term = transfer->term, .meta = transfer->meta}, effect);
    const SnapshotSent ended{.to = packet.to, .delivered = true, .last = transfer->meta.last};
    effect.sent.push_back({.from = packet.to, .to = packet.from, .content = TransferEnded{ended}});
    return;
  }
  if (const auto* ended = std::get_if<TransferEnded>(&packet.content)) return Feed(node, ended->sent, effect);
  const Message& message = std::get<Message>(packet.content);
  // A request for a vote finds everybody but the leader itself after a long silence: that voters stick to a fresh
  // leader is not needed for safety, and would make them depend on time.
  if (std::holds_alternative<VoteRequest>(message) && !Leads(node)) node.now = node.now + Silence(physics_.options);
  Feed(node, Received{packet.from, message}, effect);
}

void NodeStepper::Feed(Node& node, Input input, Effect& effect) const {
  const RaftCore before = node.raft.core();
  Output out = node.raft.Step(node.now, std::move(input));
  CheckTransition(before, node.raft.core());
  Absorb(node, std::move(out), effect);
}

void NodeStepper::Absorb(Node& node, Output out, Effect& effect) const {
  const RaftCore& core = node.raft.core();
  const NodeId self = core.options().id;
  CHECK(out.loads.empty());  // everything fits into memory
  for (Outgoing& outgoing : out.messages) {
    Node::Held held{.after = outgoing.after,
                    .packet = {.from = self, .to = outgoing.to, .content = std::move(outgoing.message)},
                    .promised = {}};
    const auto* answer = std::get_if<AppendResponse>(&std::get<Message>(held.packet.content));
    if (answer && answer->success) held.promised = core.log().IdBefore(answer->end);
    if (held.after == PersistSeq(0) || physics_.impatient) {
      Post(node, held, effect);
    } else {
      node.held.push_back(std::move(held));
    }
  }
  for (const SendSnapshot& send : out.send_snapshots) {
    effect.sent.push_back({.from = self, .to = send.to, .content = Transfer{send.term, node.disk.state}});
  }
  effect.applied.insert(effect.applied.end(), out.committed.begin(), out.committed.end());
  effect.reads.insert(effect.reads.end(), out.reads.begin(), out.reads.end());
  if (out.persist) node.disk.in_flight.push_back(std::move(*out.persist));
  if (out.install_snapshot) {
    node.disk.state = *out.install_snapshot;
    Feed(node, SnapshotInstalled{*out.install_snapshot}, effect);
  }
  while (physics_.sync_disk && !node.disk.in_flight.empty()) PersistOne(node, effect);
}

void NodeStepper::PersistOne(Node& node, Effect& effect) const {
  const Persist write = std::move(node.disk.in_flight.front());
  node.disk.in_flight.pop_front();
  node.disk.Apply(write);
  std::vector<Node::Held> waiting = std::exchange(node.held, {});
  for (Node::Held& held : waiting) {
    if (held.after <= write.seq) {
      Post(node, held, effect);
    } else {
      node.held.push_back(std::move(held));
    }
  }
  Feed(node, Persisted{write.seq}, effect);
}

void NodeStepper::Post(Node& node, const Node::Held& held, Effect& effect) const {
  if (auto broken = BrokenPromise(node, held)) effect.broken.push_back(*broken);
  effect.sent.push_back(held.packet);
}

// The state is made durable with everything applied; the log before it is not needed any more.
void NodeStepper::Compact(Node& node, Effect& effect) const {
  const RaftCore& core = node.raft.core();
  const LogIndex end = core.emitted_end();
  if (end <= core.log().begin()) return;
  SnapshotMeta& state = node.disk.state;
  for (LogIndex i = core.log().begin(); i < end; i = i.Next()) {
    const Entry& entry = core.log().At(i);
    state.last = entry.id;
    if (entry.kind != EntryKind::kMembership) continue;
    state.membership = *entry.membership;
    state.membership_id = entry.id;
  }
  Feed(node, metasrv::Compact{end}, effect);
}

std::string Print(const Packet& packet) {
  std::string text = std::to_string(packet.from.value()) + "->" + std::to_string(packet.to.value()) + " ";
  if (const auto* message = std::get_if<Message>(&packet.content)) return text + Print(*message);
  if (const auto* transfer = std::get_if<Transfer>(&packet.content)) {
    return text + "Snapshot last=" + Print(transfer->meta.last);
  }
  return text + "SnapshotEnded last=" + Print(std::get<TransferEnded>(packet.content).sent.last);
}

}  // namespace metasrv::test
