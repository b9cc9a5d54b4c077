#include "node/impl.h"

#include <algorithm>
#include <utility>

#include "common/mutant.h"
#include "consensus/core.h"
#include "node/bootstrap.h"
#include "node/describe.h"
#include "sm/row_codec.h"

namespace metasrv::node {
namespace {

// First what only the store holds, then what is in memory.
class FrozenLog final : public io::EntryCursor {
 public:
  FrozenLog(std::unique_ptr<io::EntryCursor> stored, std::vector<Entry> cached)
      : stored_(std::move(stored)), cached_(std::move(cached)) {}

  std::optional<Entry> Next() override {
    if (stored_) {
      if (auto entry = stored_->Next()) return entry;
      stored_.reset();
    }
    return cached_.Next();
  }

 private:
  std::unique_ptr<io::EntryCursor> stored_;
  io::VectorCursor cached_;
};

// What is not in memory is durable, so the store has it. What is in memory may not have reached the store.
std::unique_ptr<io::EntryCursor> FreezeLog(const Log& log, const io::LogStore& store) {
  const LogIndex middle = log.cached_begin();
  auto stored = log.begin() < middle ? store.Scan(log.begin(), middle) : nullptr;
  return std::make_unique<FrozenLog>(std::move(stored), log.Slice(middle, SIZE_MAX, SIZE_MAX));
}

}  // namespace

Node::Impl::Impl(NodeOptions options, const Environment& environment, Findings findings)
    : context_{std::move(options), environment, {}},
      machine_(environment.state_store),
      addresses_(std::move(findings.addresses)),
      encoder_({context_.id(), context_.options.raft_advertise, findings.disk.recovered.incarnation, {}}),
      outbox_(context_,
              [this](NodeId to, const Message& message) {
                replication_times_.OnSend(to, message);
                SendBytes(to, encoder_.Encode(to, message));
              }),
      pump_(context_,
            Raft(context_.options.raft, std::move(findings.disk.recovered), context_.Now(),
                 Prng(environment.random_seed).Fork("raft")),
            machine_, *this, std::move(findings.stored), findings.disk.log_time),
      space_(context_, pump_, [this](std::function<void()> then) { hand_over_.MakeWay(std::move(then)); }),
      proposals_(context_, pump_),
      members_(context_, pump_, addresses_,
               [this](pb::Command command, OutcomeDone done) {
                 pb::ForwardRequest request;
                 *request.mutable_write() = std::move(command);
                 forwarder_.Route(std::move(request), Forwarder::Reach::kHere, std::move(done));
               }),
      forwarder_(context_, pump_, proposals_, addresses_, space_,
                 [this](pb::ForwardRequest request, OutcomeDone done) {
                   members_.Serve(std::move(request), std::move(done));
                 }),
      reads_(context_, pump_),
      watchers_(context_),
      sender_(
          context_, pump_, machine_, encoder_,
          [this](NodeId to, std::string bytes) { SendBytes(to, std::move(bytes)); }, [this] { scrubber_.RunNow(); }),
      receiver_(
          context_, pump_, machine_,
          [this](NodeId to, pb::SnapshotAck ack) { SendBytes(to, encoder_.Encode(to, std::move(ack))); },
          [this](const SnapshotMeta& meta) { OnInstalled(meta); }),
      compaction_(context_, pump_, machine_, sender_),
      quarantine_(context_, pump_, machine_,
                  [this](NodeId leader) {
                    pb::SnapshotRequest request;
                    request.set_term(pump_.view().term.value());
                    SendBytes(leader, encoder_.Encode(leader, request));
                  }),
      audit_(
          context_, pump_, machine_,
          [this](NodeId to, const pb::CheckpointReport& report) { SendBytes(to, encoder_.Encode(to, report)); },
          [this](const std::string& reason) { OnWrongState(reason); }),
      scrubber_(context_, [this](const std::string& reason) { OnWrongState(reason); }),
      startup_(context_, pump_, machine_, addresses_, forwarder_),
      hand_over_(context_, pump_, [this] { return forwarder_.pending(); }),
      disk_watch_(context_,
                  {[this](DiskLevel level) { pump_.Feed(DiskHealth{level}); }, [this] { hand_over_.AvoidLeading(); },
                   [this](const std::string& reason) { pump_.Fail(reason); }}),
      identity_(context_, pump_, encoder_, findings.cluster),
      first_writes_(std::move(findings.first_writes)),
      founds_cluster_(findings.founds_cluster) {
  identity_.OnQuiet();
  if (!findings.disk.note.empty()) context_.Warn(findings.disk.note);
}

void Node::Impl::Start() {
  const RaftStatus raft = pump_.raft().status();
  const std::uint64_t begin = raft.purged ? raft.purged->index.value() + 1 : 0;
  const std::uint64_t end = raft.last ? raft.last->index.value() + 1 : 0;
  context_.Emit({TraceKind::kStarted, begin, end, {}});
  if (context_.options.single && !founds_cluster_) {
    context_.Info("Already initialized: " + DescribeMetrics(raft, machine_.last_applied()));
  }
  ListenToPeers();
  startup_.Hold();
  pump_.Start(std::move(first_writes_), [this] {
    if (!founds_cluster_) startup_.Release();
  });
  Bar(quarantine_.active());
  quarantine_.Start();
  audit_.Start();
  scrubber_.Start();
  space_.Start();
  if (founds_cluster_) Found(context_, forwarder_, members_, [this] { startup_.Release(); });
}

// Everything that waits is answered while the parts still exist; what others report later finds nobody.
void Node::Impl::Stop(const std::string& reason, bool forced) {
  if (stopped_) return;
  stopped_ = true;
  pump_.Stop();
  space_.Stop();
  context_.Emit({TraceKind::kStopped, forced ? 1U : 0U, 0, reason});
  outbox_.Stop();
  sender_.Stop();
  receiver_.Stop();
  quarantine_.Stop();
  audit_.Stop();
  scrubber_.Stop();
  members_.Stop();
  forwarder_.Stop();
  proposals_.Stop();
  reads_.Stop();
  watchers_.Stop();
  startup_.Stop();
  disk_watch_.Stop();
  hand_over_.Stop();
  context_.lifetime.End();
}

void Node::Impl::OnFatal(const std::string& reason) {
  Stop(reason, true);
  if (context_.env.on_fatal) context_.env.on_fatal(reason);
}

// --- clients

void Node::Impl::Write(pb::Command command, Forwarder::Reach reach, std::function<void(WriteResult)> done) {
  pb::ForwardRequest request;
  request.set_hops(1);
  *request.mutable_write() = std::move(command);
  forwarder_.Route(std::move(request), reach,
                   [done = std::move(done)](Outcome outcome) { done(ToWriteResult(std::move(outcome))); });
}

void Node::Impl::Forward(pb::ForwardRequest request, std::function<void(pb::ForwardReply)> done) {
  forwarder_.Route(std::move(request), Forwarder::Reach::kAnywhere,
                   [done = std::move(done)](Outcome outcome) { done(std::move(outcome.reply)); });
}

void Node::Impl::JoinAndRegister(std::function<void(const std::string&)> progress,
                                 std::function<void(std::expected<void, std::string>)> done) {
  if (stopped_) return done(std::unexpected("this node is stopping"));
  startup_.Run(std::move(progress), std::move(done));
}

void Node::Impl::PrepareStop(std::function<void()> done) {
  if (stopped_) return done();
  hand_over_.Leave(std::move(done));
}

void Node::Impl::TriggerSnapshot() {
  if (!stopped_ && !receiver_.installing() && !quarantine_.active()) compaction_.Trigger();
}

// --- the pump

void Node::Impl::OnApplied(const Entry& entry, sm::Applied& applied) {
  if (applied.reply.has_node()) OnNodeCommand(entry);
  compaction_.OnApplied(entry, applied);
  if (change_hook_) change_hook_(applied);
  proposals_.OnApplied(entry.id, applied.reply);
  watchers_.OnApplied(applied);
}

void Node::Impl::OnNodeCommand(const Entry& entry) {
  addresses_.Reload(context_.env.state_store);
  pb::Command command;
  if (sm::ParseCommand(*entry.payload, command)) context_.Info(DescribeNodeCommand(command));
}

void Node::Impl::OnBatchApplied() {
  const std::uint64_t interval = context_.options.checkpoint_interval;
  if (interval > 0 && pump_.applied_end().value() % interval == 0 && !quarantine_.active()) audit_.OnCheckpoint();
}

void Node::Impl::OnWrongState(const std::string& reason) {
  if (MutantOn(Mutant::kV01) || stopped_ || receiver_.installing() || quarantine_.active()) return;
  Bar(true);
  audit_.Forget();
  quarantine_.Enter(reason);
}

void Node::Impl::OnInstalled(const SnapshotMeta& meta) {
  pump_.NoteInstalled(*meta.last);
  addresses_.Reload(context_.env.state_store);
  compaction_.OnInstalled(meta);
  if (install_hook_) install_hook_(*meta.last);
  proposals_.OnInstalled(*meta.last);
  watchers_.EndAll(WatchEnd::kStateReplaced);
  audit_.Forget();
  scrubber_.Forget();
  quarantine_.Leave();
  Bar(false);
}

void Node::Impl::Bar(bool barred) {
  reads_.SetBarred(barred);
  watchers_.SetBarred(barred);
}

void Node::Impl::OnQuiet() {
  identity_.OnQuiet();
  proposals_.OnView(pump_.view());
  forwarder_.OnView(pump_.view());
  forwarder_.OnQuiet();
  startup_.OnView(pump_.view());
  reads_.OnQuiet();
  hand_over_.OnQuiet();
  if (!pump_.drained()) return;  // more is coming, perhaps for the same peers
  outbox_.Flush();
  encoder_.DropCache();
}

// --- the transport

void Node::Impl::ListenToPeers() {
  context_.env.transport.Start(
      context_.lifetime.Guard([this](const std::string& bytes) { OnMessage(bytes); }),
      [this, alive = context_.lifetime.Watch()](const std::string& bytes, io::Transport::Responder respond) {
        if (!alive.expired()) return OnCall(bytes, std::move(respond));
        respond(Stopped().reply.SerializeAsString());
      });
}

void Node::Impl::OnMessage(std::string_view bytes) {
  std::optional<Decoded> message = Decode(bytes);
  if (!message) return context_.Warn("a malformed message was dropped");
  if (!identity_.Admits(*message)) return;
  addresses_.Learn(message->from, message->sender);
  received_bytes_[message->from] += bytes.size();
  auto* raft = std::get_if<Message>(&message->body);
  if (raft == nullptr) return OnSnapshotBody(*message);
  replication_times_.OnReceive(message->from, *raft);
  pump_.Feed(Received{message->from, std::move(*raft), message->incarnation});
}

void Node::Impl::OnSnapshotBody(const Decoded& message) {
  if (const auto* chunk = std::get_if<pb::SnapshotChunk>(&message.body)) {
    // The sender gives up after a while and tries again later.
    if (!space_.critical()) receiver_.OnChunk(message.from, *chunk);
  } else if (const auto* offer = std::get_if<pb::SnapshotOffer>(&message.body)) {
    receiver_.OnOffer(message.from, *offer);
  } else if (const auto* ack = std::get_if<pb::SnapshotAck>(&message.body)) {
    sender_.OnAck(message.from, message.incarnation, *ack);
  } else if (const auto* report = std::get_if<pb::CheckpointReport>(&message.body)) {
    if (!stopped_ && !quarantine_.active()) audit_.OnReport(message.from, *report);
  } else {
    pump_.Feed(SnapshotWanted{message.from});
  }
}

void Node::Impl::OnCall(const std::string& bytes, io::Transport::Responder respond) {
  pb::ForwardRequest request;
  if (!sm::ParseCommand(bytes, request)) {
    context_.Warn("a malformed request was refused");
    return respond(Failed(pb::FORWARD_REFUSED, "malformed request").reply.SerializeAsString());
  }
  forwarder_.Route(
      std::move(request), Forwarder::Reach::kAnywhere,
      [respond = std::move(respond)](const Outcome& outcome) mutable { respond(outcome.reply.SerializeAsString()); });
}

void Node::Impl::SendBytes(NodeId to, std::string bytes) {
  if (auto endpoint = addresses_.Find(to)) context_.env.transport.Send(*endpoint, std::move(bytes));
}

// --- what others may see

NodeStatus Node::Impl::status() const {
  NodeStatus status;
  status.received_bytes = received_bytes_;
  status.raft = pump_.raft().status();
  status.last_applied = machine_.last_applied();
  status.committed = pump_.stored().committed;
  status.snapshot = compaction_.durable();
  status.snapshot_rows = compaction_.durable_rows();
  status.flushing = compaction_.flushing();
  status.flushed_rows = compaction_.flushed_rows();
  status.last_seq = machine_.last_seq().value();
  if (auto applied = FromStored(machine_.last_applied(), machine_.last_membership())) {
    status.applied_membership = std::move(applied->membership);
    status.applied_membership_id = applied->membership_id;
  }
  status.nodes = addresses_.table();
  status.log = context_.env.log_store.Stats();
  const Log& log = pump_.raft().core().log();
  status.log_cached_items = log.end().value() - log.cached_begin().value();
  status.log_cached_bytes = log.cached_bytes();
  status.proposals_pending = forwarder_.pending();
  status.proposals_failed = forwarder_.failed();
  status.leader_changes = pump_.leader_changes();
  status.watches = watchers_.figures();
  status.transfers = sender_.figures();
  status.transfers.received_bytes = receiver_.received_bytes();
  status.state_hash = machine_.state_hash();
  status.quarantined = quarantine_.active();
  status.state_disputes = audit_.disputes();
  status.stopped = stopped_;
  return status;
}

ExportSource Node::Impl::Export() const {
  const StoredFacts& stored = pump_.stored();
  return {context_.id(),
          stored.hard_state,
          stored.committed,
          stored.purged,
          FreezeLog(pump_.raft().core().log(), context_.env.log_store),
          LocalState()};
}

}  // namespace metasrv::node
