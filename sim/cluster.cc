#include "sim/cluster.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "consensus/core.h"
#include "sim/restore.h"
#include "sm/layout.h"

namespace metasrv::sim {
namespace {

constexpr NodeId kPhantom(99);
constexpr Duration kSettleMax = Duration::Seconds(1);
constexpr Duration kSupervisorPause = Duration::Millis(200);
constexpr Duration kOperatorPause = Duration::Seconds(1);
constexpr io::DrawKind kDrift("clock.drift");
constexpr io::DrawKind kSkew("clock.skew");

// Uniform in [-limit, limit].
std::int64_t Symmetric(io::Draws& draws, const io::DrawKind& kind, NodeId id, std::uint64_t limit) {
  const auto drawn = draws.BetweenAt(kind, io::ActorOf(id), 0, 0, 2 * limit);
  return static_cast<std::int64_t>(drawn) - static_cast<std::int64_t>(limit);
}

// The entry that tells where `id` is reached, as a backup has it.
pb::Command AddressOf(NodeId id) {
  pb::Command command;
  auto* add = command.mutable_add_node();
  add->set_node_id(id.value());
  add->mutable_node()->set_name(std::to_string(id.value()));
  add->mutable_node()->set_addr(EndpointOf(id).host);
  add->mutable_node()->set_port(EndpointOf(id).port);
  return command;
}

}  // namespace

Endpoint EndpointOf(NodeId id) { return {"n" + std::to_string(id.value()), 28004}; }

Cluster::Cluster(io::World& world, const RunOptions& options, Judges& judges, Verdict& verdict, Probes& probes,
                 const Restored* restored)
    : world_(world),
      options_(options),
      judges_(judges),
      verdict_(verdict),
      probes_(probes),
      network_(world),
      trace_(world) {
  network_.SetObserver(&judges_);
  trace_.SetObserver([this](NodeId node, const TraceEvent& event) {
    judges_.OnTrace(node, event);
    if (on_trace_) on_trace_(node, event);
  });
  for (std::uint64_t i = 0; i < options.nodes; ++i) AddMachine(NodeId(options.first_id + i));
  if (restored != nullptr) judges_.OnRestored(*restored);
  for (auto& [id, member] : members_) {
    if (restored != nullptr) {
      member.machine->ReplaceDisk(restored->disks.at(id));
    } else if (options.import_like != 0) {
      Import(member);
    }
  }
}

Cluster::~Cluster() {
  for (auto& [id, member] : members_) {
    if (member.node) member.machine->Crash();
    member.node.reset();
    member.state_store.reset();
    member.log_store.reset();
  }
}

void Cluster::AddMachine(NodeId id) {
  io::Faults faults;
  faults.disk = options_.ToDiskFaults();
  faults.clock.drift_ppm = static_cast<std::int32_t>(Symmetric(world_.draws(), kDrift, id, options_.drift_max_ppm));
  faults.clock.wall_skew_millis = Symmetric(world_.draws(), kSkew, id, options_.wall_skew_max_ms);
  Member& member = members_[id];
  member.id = id;
  member.machine = std::make_unique<io::SimMachine>(world_, network_, id, EndpointOf(id), faults);
  ids_.push_back(id);
}

bool Cluster::LearnsOnly(NodeId id) const {
  return id.value() >= options_.first_id + options_.nodes - options_.learners;
}

void Cluster::Start(NodeId id) {
  Member& member = At(id);
  if (member.node || member.keep_down || verdict_.failed()) return;
  if (!DiskSettled(member)) {
    world_.After(Duration::Millis(1), [this, id] { Start(id); });
    return;
  }
  if (member.disk_refused) WipeDisk(id);
  member.machine->PowerOn();
  member.incarnation = world_.Incarnation(id);
  OpenDisk(member);
  CreateNode(member);
  if (member.node && (!member.leaving || member.rejoins)) Join(member);
}

bool Cluster::DiskSettled(Member& member) {
  io::SimDisk& disk = member.machine->disk();
  if (disk.PendingLogWrites() == 0) return true;
  if (world_.now() - member.down_since < kSettleMax) return false;
  disk.Crash();  // it hangs or has failed: somebody pulls the plug
  return true;
}

void Cluster::OpenDisk(Member& member) {
  const NodeId id = member.id;
  const auto contents = member.machine->log_store().Load();
  CHECK(contents.has_value());
  member.log_store = std::make_unique<ObservedLogStore>(
      member.machine->log_store(),
      ObservedLogStore::Listener{[this, id](const io::LogBatch& batch) { judges_.OnLogIssued(id, batch); },
                                 [this, id] { judges_.OnLogDurable(id); }});
  member.state_store = std::make_unique<ObservedStateStore>(
      member.machine->state_store(),
      [this, id](LogId last, std::uint64_t sum, bool installed) { judges_.OnState(id, last, sum, installed); });
  std::optional<Judges::StateSeen> state;
  if (const auto last = member.state_store->last_applied()) {
    const bool durable = member.machine->disk().PendingStateWrites() == 0;
    state.emplace(Judges::StateSeen{*last, member.state_store->row_sum(), durable});
  }
  judges_.OnOpened(id, member.incarnation, *contents, state);
}

void Cluster::CreateNode(Member& member) {
  const NodeId id = member.id;
  const std::uint32_t incarnation = member.incarnation;
  node::NodeOptions options = options_.ToNodeOptions(id);
  options.raft_advertise = EndpointOf(id);
  options.grpc_advertise = "n" + std::to_string(id.value()) + ":9191";
  options.single = id == NodeId(1) && !member.rejoins && !member.wiped;
  options.learner = LearnsOnly(id);
  for (const NodeId other : ids_) {
    const bool joins = !member.leaving || member.rejoins;
    if (!options.single && joins && other != id) options.join.push_back(EndpointOf(other));
  }
  const node::Environment environment{member.machine->clock(),
                                      member.machine->loop(),
                                      member.machine->transport(),
                                      *member.log_store,
                                      *member.state_store,
                                      trace_,
                                      world_.draws().RawAt(io::DrawKind("node.seed"), io::ActorOf(id), incarnation),
                                      [this, id, incarnation](const std::string&) {
                                        probes_.Hit(Probe::k_node_fatal);
                                        RestartSoon(id, incarnation);
                                      }};
  auto created = node::Node::Create(options, environment);
  if (!created) {
    verdict_.Broken(kRestartable, Name(id) + ": " + created.error().detail);
    return;
  }
  member.node = std::move(*created);
  member.node->SetChangeHook([this, id](const sm::Applied& applied) { judges_.OnApplied(id, applied); });
  judges_.OnRunning(id, member.node->raft());
  member.node->Start();
}

void Cluster::Join(Member& member) {
  const NodeId id = member.id;
  const std::uint32_t incarnation = member.incarnation;
  member.ready = false;
  member.node->JoinAndRegister([](const std::string&) {},
                               [this, id, incarnation](const auto& result) {
                                 Member& asked = At(id);
                                 if (asked.incarnation != incarnation || !asked.node) return;
                                 result ? OnJoined(asked) : OnNotJoined(asked);
                               });
}

void Cluster::OnJoined(Member& member) {
  if (!member.ever_joined) probes_.Hit(member.wiped ? Probe::k_voter_refilled : Probe::k_node_joined);
  member.ready = member.ever_joined = true;
  if (member.rejoins && member.open_leaves == 0 && LeaderCounts(member.id)) {
    probes_.Hit(Probe::k_node_rejoined);
    member.leaving = member.rejoins = false;
  }
}

void Cluster::OnNotJoined(Member& member) {
  probes_.Hit(Probe::k_join_retried);
  RestartSoon(member.id, member.incarnation);
  if (!member.old_disk_in || !member.node->raft().core().disk_refused()) return;
  // The operator does what the message says.
  probes_.Hit(Probe::k_old_disk_refused);
  member.disk_refused = true;
}

void Cluster::WipeDisk(NodeId id) {
  Member& member = At(id);
  CHECK(member.node == nullptr);
  member.old_disk = member.machine->disk().Image();
  member.machine->Wipe();
  member.wiped = true;
  member.old_disk_in = member.disk_refused = member.ever_joined = false;
  judges_.OnDiskReplaced(id);
}

void Cluster::ReturnOldDisk(NodeId id) {
  Member& member = At(id);
  CHECK(member.node == nullptr);
  CHECK(member.old_disk.has_value());
  member.machine->ReplaceDisk(*std::exchange(member.old_disk, std::nullopt));
  member.old_disk_in = true;
  member.ever_joined = false;
  judges_.OnDiskReplaced(id);
  WatchOldDisk(id);
}

// Who was removed meanwhile is told nothing: nobody sends to it. The operator sees that the leader does not list the
// node, and does what the documents say.
void Cluster::WatchOldDisk(NodeId id) {
  world_.After(kOperatorPause, [this, id] {
    Member& member = At(id);
    if (!member.old_disk_in) return;
    if (!member.node || member.leaving || !LeaderDropped(id)) return WatchOldDisk(id);
    Crash(id);
    WipeDisk(id);
    Start(id);
  });
}

bool Cluster::AwaitsRefill() const {
  return std::ranges::any_of(members_, [](const auto& member) {
    return (member.second.wiped || member.second.old_disk_in) && !member.second.ever_joined;
  });
}

bool Cluster::MayLoseDisk(NodeId id) const {
  const bool departs =
      std::ranges::any_of(members_, [](const auto& member) { return member.second.leaving && !member.second.left; });
  const bool all_joined =
      std::ranges::all_of(members_, [](const auto& member) { return member.second.incarnation > 0; });
  // The one-step replacement of a pair must be committed before the next one.
  if (ids_.size() == 2 && AwaitsRefill()) return false;
  // A damaged voter is mended by the others; together with an empty one that may be too many.
  if (AnyRotten()) return false;
  return !departs && all_joined && !At(id).leaving && judges_.CanLoseDisk(id);
}

void Cluster::Import(Member& member) {
  NodeSet voters;
  NodeSet learners;
  for (const NodeId id : ids_) (LearnsOnly(id) ? learners : voters).push_back(id);
  io::DiskImage disk;
  io::LogBatch batch;
  batch.node_id = member.id;
  batch.append = {Entry::OfMembership({Term(0), NodeId(1), LogIndex(0)}, UniformMembership(voters, learners))};
  for (const NodeId id : ids_) {
    const LogId entry{Term(0), NodeId(1), LogIndex(batch.append.size())};
    batch.append.push_back(Entry::Normal(entry, AddressOf(id).SerializeAsString()));
  }
  judges_.OnImported(member.id, batch.append);
  disk.log.Apply(batch);
  member.machine->ReplaceDisk(std::move(disk));
}

// A removed node may not know that it was removed, and then it registers without having joined.
bool Cluster::LeaderCounts(NodeId id) const {
  const auto leader = Leader();
  return leader && At(*leader).node->raft().core().membership().current().Contains(id);
}

bool Cluster::LeaderDropped(NodeId id) const {
  const auto leader = Leader();
  if (!leader) return false;
  const RaftCore& core = At(*leader).node->raft().core();
  const auto at = core.membership().current_id();
  return at && at->index < core.commit_end() && !core.membership().current().Contains(id);
}

void Cluster::RestartSoon(NodeId id, std::uint32_t incarnation) {
  world_.After(Duration(), [this, id, incarnation] {
    if (At(id).incarnation == incarnation) Crash(id);
  });
  world_.After(kSupervisorPause, [this, id] { Start(id); });
}

void Cluster::CountCrash(NodeId id) {
  probes_.Hit(Probe::k_crash);
  if (Leader() == id) probes_.Hit(Probe::k_crash_leader);
  if (At(id).machine->disk().PendingLogWrites() > 0) probes_.Hit(Probe::k_crash_lost_writes);
}

void Cluster::Crash(NodeId id) {
  Member& member = At(id);
  if (!member.node) return;
  CountCrash(id);
  member.machine->Crash();
  TakeDown(member);
}

void Cluster::Kill(NodeId id) {
  Member& member = At(id);
  if (!member.node) return;
  probes_.Hit(Probe::k_process_kill);
  member.machine->KillProcess();
  TakeDown(member);
}

void Cluster::Stop(NodeId id) {
  Member& member = At(id);
  if (!member.node || world_.Paused(id)) return;
  probes_.Hit(Probe::k_graceful_stop);
  member.node->Stop();
  member.machine->Shutdown();
  TakeDown(member);
}

void Cluster::StopGracefully(NodeId id, std::function<void()> then) {
  Member& member = At(id);
  if (!member.node || member.stopping || world_.Paused(id)) return;
  member.stopping = true;
  const bool led = Leader() == id;
  if (led) probes_.Hit(Probe::k_stop_hand_over);
  member.node->HandOver([this, id, led, incarnation = member.incarnation, then = std::move(then)]() mutable {
    // Not here: this runs inside the node.
    world_.After(Duration(), [this, id, led, incarnation, then = std::move(then)] {
      if (At(id).incarnation != incarnation || !At(id).node) return;
      if (led && Leader() != id) probes_.Hit(Probe::k_stop_handed_over);
      Stop(id);
      if (!At(id).node) return then();
      At(id).stopping = false;  // it is paused: nobody waits for it
    });
  });
}

void Cluster::TakeDown(Member& member) {
  member.stopping = false;
  // Whoever asked a dead node is not answered by its remains.
  const std::unique_ptr<node::Node> remains = std::exchange(member.node, nullptr);
  judges_.OnDied(member.id, member.machine->disk().IssuedLog().ToContents());
  member.ready = false;
  member.down_since = world_.now();
  if (on_down_) on_down_(member.id, member.incarnation);
}

void Cluster::Leave(NodeId id, NodeId via) {
  At(id).leaving = true;
  ++At(id).open_leaves;
  pb::ForwardRequest request;
  request.set_hops(1);
  request.mutable_leave()->set_node_id(id.value());
  const std::uint32_t rejoin_count = At(id).rejoin_count;
  AskAsOperator(via, std::move(request), [this, id, rejoin_count](const pb::ForwardReply& reply) {
    if (reply.error() != pb::FORWARD_OK && reply.error() != pb::FORWARD_REFUSED) return;
    Member& member = At(id);
    const bool is_last = member.open_leaves > 0 && --member.open_leaves == 0;
    if (reply.error() == pb::FORWARD_REFUSED) {
      if (is_last && !member.left && !member.rejoins) member.leaving = false;
      return;
    }
    probes_.Hit(Probe::k_node_left);
    // It may have come back before this answer did.
    if (member.rejoin_count == rejoin_count) member.left = true;
  });
}

void Cluster::JoinPhantom(NodeId via) {
  pb::ForwardRequest request;
  request.set_hops(1);
  request.mutable_join()->set_node_id(kPhantom.value());
  request.mutable_join()->set_host("nowhere");
  request.mutable_join()->set_port(1);
  probes_.Hit(Probe::k_phantom_join);
  AskAsOperator(via, std::move(request), [](const pb::ForwardReply&) {});
}

void Cluster::RemovePhantom(NodeId via) {
  if (!LeaderCounts(kPhantom)) return;
  pb::ForwardRequest request;
  request.set_hops(1);
  request.mutable_leave()->set_node_id(kPhantom.value());
  AskAsOperator(via, std::move(request), [](const pb::ForwardReply&) {});
}

void Cluster::AskAsOperator(NodeId via, pb::ForwardRequest request, std::function<void(const pb::ForwardReply&)> done) {
  CHECK(Running(via));
  At(via).machine->loop().Post(
      [this, via, request = std::move(request), done = std::move(done)] { At(via).node->Forward(request, done); });
}

void Cluster::Rejoin(NodeId id) {
  Member& member = At(id);
  CHECK(member.left);
  member.left = false;
  member.rejoins = true;
  ++member.rejoin_count;
  Stop(id);
  Start(id);
}

bool Cluster::Rot(NodeId id, std::uint64_t which) {
  io::SimDisk& disk = At(id).machine->disk();
  std::vector<std::string> rows;
  for (auto row = disk.IssuedState().LowerBound(sm::RecordRow("")); row.Valid(); row.Next()) {
    if (row.row().first[0] != sm::kRecordTable) break;
    rows.push_back(row.row().first);
  }
  if (rows.empty()) return false;
  disk.RotState(rows[which % rows.size()], [](const std::string& value) {
    meta::SeqV record;
    CHECK(record.ParseFromString(value));
    record.set_data(record.data() + "?");
    return record.SerializeAsString();
  });
  judges_.OnRotted(id);
  return true;
}

std::optional<NodeId> Cluster::Leader() const {
  std::optional<NodeId> leader;
  Term highest;
  for (const auto& [id, member] : members_) {
    if (!member.node) continue;
    const RaftCore& core = member.node->raft().core();
    if (!std::holds_alternative<metasrv::Leader>(core.role())) continue;
    if (leader && core.hard_state().term < highest) continue;
    leader = id;
    highest = core.hard_state().term;
  }
  return leader;
}

LogIndex Cluster::ReadableEnd(NodeId id) const {
  const auto last = At(id).state_store->last_applied();
  return last ? last->index.Next() : LogIndex(0);
}

void Cluster::Write(NodeId id, pb::Command command, std::function<void(const node::WriteResult&)> done) {
  Member& member = At(id);
  CHECK(member.node != nullptr);
  const std::uint32_t incarnation = member.incarnation;
  member.machine->loop().Post([this, id, incarnation, command = std::move(command), done = std::move(done)]() mutable {
    At(id).node->Write(std::move(command), [this, id, incarnation, done = std::move(done)](const auto& result) {
      if (At(id).node && At(id).incarnation == incarnation) done(result);
    });
  });
}

void Cluster::Read(NodeId id, std::function<void(const node::ReadResult&)> done) {
  Member& member = At(id);
  CHECK(member.node != nullptr);
  const std::uint32_t incarnation = member.incarnation;
  member.machine->loop().Post([this, id, incarnation, done = std::move(done)]() mutable {
    At(id).node->Read([this, id, incarnation, done = std::move(done)](const auto& result) {
      if (At(id).node && At(id).incarnation == incarnation) done(result);
    });
  });
}

void Cluster::Export(NodeId id, std::function<void(node::ExportSource)> done) {
  CHECK(Running(id));
  At(id).machine->loop().Post([this, id, done = std::move(done)] { done(At(id).node->Export()); });
}

}  // namespace metasrv::sim
