#include "sim/nemesis.h"

#include <algorithm>
#include <utility>

#include "consensus/core.h"

namespace metasrv::sim {
namespace {

constexpr io::DrawKind kVictim("nemesis.victim");
constexpr io::DrawKind kOther("nemesis.other");
constexpr io::DrawKind kSide("nemesis.side");
constexpr io::DrawKind kHow("nemesis.how");
constexpr io::DrawKind kDown("nemesis.down");
constexpr io::DrawKind kCut("nemesis.cut");
constexpr io::DrawKind kAmount("nemesis.amount");
constexpr io::DrawKind kTriggerDelay("trigger.delay");
constexpr io::DrawActor kNemesis = 0;

}  // namespace

Nemesis::Nemesis(io::World& world, const RunOptions& options, Cluster& cluster, Workload& workload, Probes& probes)
    : world_(world),
      options_(options),
      cluster_(cluster),
      workload_(workload),
      probes_(probes),
      churn_(world, cluster, probes) {
  for (const NodeId id : cluster_.ids()) {
    cluster_.machine(id).disk().SetObserver([this](NodeId node, io::DiskStep step) { OnDiskStep(node, step); });
  }
}

void Nemesis::Start() {
  active_ = true;
  cluster_.network().SetFaults(options_.ToNetworkFaults());
  Every(io::DrawKind("nemesis.crash"), options_.crash_every_ms, &Nemesis::CrashOne);
  Every(io::DrawKind("nemesis.crash_all"), options_.crash_all_every_ms, &Nemesis::CrashAll);
  Every(io::DrawKind("nemesis.pause"), options_.pause_every_ms, &Nemesis::PauseOne);
  Every(io::DrawKind("nemesis.isolate"), options_.isolate_every_ms, &Nemesis::IsolateOne);
  Every(io::DrawKind("nemesis.isolate_leader"), options_.isolate_leader_every_ms, &Nemesis::IsolateLeader);
  Every(io::DrawKind("nemesis.halves"), options_.halves_every_ms, &Nemesis::CutHalves);
  Every(io::DrawKind("nemesis.one_way"), options_.one_way_every_ms, &Nemesis::CutOneWay);
  Every(io::DrawKind("nemesis.bridge"), options_.bridge_every_ms, &Nemesis::CutToBridge);
  Every(io::DrawKind("nemesis.clog"), options_.clog_every_ms, &Nemesis::ClogLink);
  Every(io::DrawKind("nemesis.slow_disk"), options_.slow_disk_every_ms, &Nemesis::SlowDisk);
  Every(io::DrawKind("nemesis.disk_error"), options_.disk_error_every_ms, &Nemesis::FailDisk);
  Every(io::DrawKind("nemesis.clock_jump"), options_.clock_jump_every_ms, &Nemesis::JumpClock);
  Every(io::DrawKind("nemesis.fill_disk"), options_.fill_disk_every_ms, &Nemesis::FillDisk);
  Every(io::DrawKind("nemesis.freeze"), options_.freeze_every_ms, &Nemesis::FreezeOne);
  Every(io::DrawKind("nemesis.snapshot"), options_.snapshot_every_ms, &Nemesis::TriggerSnapshot);
  WatchTransfers();
  Every(io::DrawKind("nemesis.change_sender"), options_.change_sender_every_ms, &Nemesis::ChangeSender);
  Every(io::DrawKind("nemesis.bit_rot"), options_.bit_rot_every_ms, &Nemesis::RotState);
  Every(io::DrawKind("nemesis.leave"), options_.leave_every_ms, &Nemesis::RemoveNode);
  Every(io::DrawKind("nemesis.transfer"), options_.transfer_every_ms, &Nemesis::TransferLeadership);
  Every(io::DrawKind("nemesis.stop_leader"), options_.stop_leader_every_ms, &Nemesis::StopLeader);
  Every(io::DrawKind("nemesis.stall_disk"), options_.stall_disk_every_ms, &Nemesis::StallDisk);
  Every(io::DrawKind("nemesis.hold_answers"), options_.hold_answers_every_ms, &Nemesis::HoldAnswers);
  Every(io::DrawKind("nemesis.restart_voters"), options_.restart_voters_every_ms, &Nemesis::RestartVoters);
  Every(io::DrawKind("nemesis.churn"), options_.churn_every_ms, &Nemesis::ChurnStep);
  Every(io::DrawKind("nemesis.phantom"), options_.phantom_every_ms, &Nemesis::JoinPhantom);
  Every(io::DrawKind("nemesis.wipe"), options_.wipe_every_ms, &Nemesis::WipeDisk);
  Every(io::DrawKind("nemesis.old_disk"), options_.old_disk_every_ms, &Nemesis::ReturnOldDisk);
  Every(io::DrawKind("nemesis.forge"), options_.forge_every_ms, &Nemesis::ForgeMessage);
}

void Nemesis::EndAll() {
  active_ = false;
  cluster_.network().SetMangler(nullptr);
  cluster_.network().Heal();
  io::NetworkFaults calm;
  calm.delay_max = Duration::Millis(2);
  cluster_.network().SetFaults(calm);
  for (const NodeId id : cluster_.ids()) {
    io::SimDisk& disk = cluster_.machine(id).disk();
    disk.SetSlowdown(1);
    disk.SetStalled(false);
    disk.SetReadsHeld(false);
    disk.SetFreeBytes(UINT64_MAX);
    disk.ForgiveNextSync();
    io::DiskFaults faults = disk.faults();
    faults.slow_ppm = 0;
    faults.read_slow_ppm = 0;
    disk.SetFaults(faults);
    if (world_.Paused(id)) world_.Resume(id);
  }
}

void Nemesis::Every(const io::DrawKind& kind, std::uint64_t every_ms, Action action) {
  if (every_ms == 0) return;
  const auto wait = Draw(kind, 1, 2 * every_ms);
  Later(Duration::Millis(static_cast<std::int64_t>(wait)), [this, kind, every_ms, action] {
    (this->*action)();
    Every(kind, every_ms, action);
  });
}

void Nemesis::Later(Duration delay, std::function<void()> task) {
  world_.After(delay, [this, task = std::move(task)] {
    if (active_) task();
  });
}

std::uint64_t Nemesis::Draw(const io::DrawKind& kind, std::uint64_t low, std::uint64_t high) {
  return world_.draws().Between(kind, kNemesis, low, high);
}

Duration Nemesis::DrawSpan(const io::DrawKind& kind, std::uint64_t max_ms) {
  return Duration::Millis(static_cast<std::int64_t>(Draw(kind, 10, 10 + max_ms)));
}

NodeId Nemesis::DrawNode(const io::DrawKind& kind) { return cluster_.ids()[Draw(kind, 0, cluster_.ids().size() - 1)]; }

// --- Faults over time

void Nemesis::TakeDown(NodeId node) {
  const std::uint64_t how = Draw(kHow, 0, 9);
  if (how == 0) {
    cluster_.Stop(node);
  } else if (how == 1) {
    cluster_.Kill(node);
  } else {
    cluster_.Crash(node);
  }
  world_.After(DrawSpan(kDown, options_.down_max_ms), [this, node] { cluster_.Start(node); });
}

void Nemesis::CrashOne() { TakeDown(DrawNode(kVictim)); }

void Nemesis::CrashAll() {
  probes_.Hit(Probe::k_crash_all);
  for (const NodeId id : cluster_.ids()) {
    cluster_.Crash(id);
    world_.After(DrawSpan(kDown, options_.down_max_ms), [this, id] { cluster_.Start(id); });
  }
}

void Nemesis::PauseOne() {
  const NodeId node = DrawNode(kVictim);
  if (!cluster_.Running(node) || world_.Paused(node)) return;
  probes_.Hit(Probe::k_pause);
  world_.Pause(node);
  const std::uint32_t incarnation = cluster_.Incarnation(node);
  Later(DrawSpan(kCut, options_.cut_max_ms), [this, node, incarnation] {
    if (cluster_.Running(node) && cluster_.Incarnation(node) == incarnation) world_.Resume(node);
  });
}

Duration Nemesis::DrawCut() { return DrawSpan(kCut, options_.cut_max_ms); }

void Nemesis::CutPairs(const std::function<bool(NodeId, NodeId)>& apart, Duration span) {
  std::vector<std::pair<NodeId, NodeId>> cut;
  for (const NodeId a : cluster_.ids()) {
    for (const NodeId b : cluster_.ids()) {
      if (a == b || !apart(a, b)) continue;
      cluster_.network().CutOneWay(a, b);
      cut.emplace_back(a, b);
    }
  }
  Later(span, [this, cut = std::move(cut)] {
    for (const auto& [a, b] : cut) cluster_.network().CutOneWay(a, b, false);
  });
}

void Nemesis::Isolate(NodeId node) {
  CutPairs([node](NodeId a, NodeId b) { return a == node || b == node; });
}

void Nemesis::IsolateOne() {
  probes_.Hit(Probe::k_isolate);
  Isolate(DrawNode(kVictim));
}

void Nemesis::IsolateLeader() {
  const auto leader = cluster_.Leader();
  if (!leader) return;
  probes_.Hit(Probe::k_isolate_leader);
  Isolate(*leader);
}

bool Nemesis::OnSide(std::uint64_t side, NodeId id) const {
  return ((side >> (id.value() - cluster_.ids().front().value())) & 1) != 0;
}

void Nemesis::CutHalves() {
  probes_.Hit(Probe::k_halves);
  const std::uint64_t side = Draw(kSide, 0, (1u << cluster_.ids().size()) - 1);
  CutPairs([this, side](NodeId a, NodeId b) { return OnSide(side, a) != OnSide(side, b); });
}

void Nemesis::CutOneWay() {
  const NodeId from = DrawNode(kVictim);
  const NodeId to = DrawNode(kOther);
  const std::uint64_t how = Draw(kHow, 0, 2);
  probes_.Hit(Probe::k_one_way);
  CutPairs([&](NodeId a, NodeId b) {
    if (how == 0) return a == from && b == to;
    return how == 1 ? a == from : b == to;  // mute or deaf to everybody
  });
}

void Nemesis::CutToBridge() {
  const NodeId bridge = DrawNode(kVictim);
  const std::uint64_t side = Draw(kSide, 0, (1u << cluster_.ids().size()) - 1);
  probes_.Hit(Probe::k_bridge);
  CutPairs([&](NodeId a, NodeId b) {
    if (a == bridge || b == bridge) return false;
    return OnSide(side, a) != OnSide(side, b);
  });
}

void Nemesis::ClogLink() {
  const NodeId from = DrawNode(kVictim);
  const NodeId to = DrawNode(kOther);
  if (from == to) return;
  probes_.Hit(Probe::k_clog);
  cluster_.network().ClogOneWay(from, to);
  Later(DrawSpan(kCut, options_.cut_max_ms), [this, from, to] { cluster_.network().ClogOneWay(from, to, false); });
}

void Nemesis::SlowDisk() {
  io::SimDisk& disk = cluster_.machine(DrawNode(kVictim)).disk();
  probes_.Hit(Probe::k_slow_disk);
  const bool stalls = Draw(kHow, 0, 3) == 0;
  if (stalls) {
    disk.SetStalled(true);
  } else {
    disk.SetSlowdown(static_cast<std::uint32_t>(Draw(kAmount, 2, SlowdownMax())));
  }
  Later(DrawSpan(kCut, options_.cut_max_ms), [&disk] {
    disk.SetStalled(false);
    disk.SetSlowdown(1);
  });
}

// An operation that began on a slow disk may last for a few seconds, not for the whole run.
std::uint64_t Nemesis::SlowdownMax() const {
  const std::uint64_t longest_us = std::max<std::uint64_t>({options_.sync_max_us, options_.flush_max_us, 20'000}) *
                                   (options_.disk_slow_ppm > 0 ? options_.disk_slow_factor : 1);
  return std::clamp<std::uint64_t>(2'000'000 / longest_us, 2, 60);
}

void Nemesis::FailDisk() {
  const NodeId node = DrawNode(kVictim);
  if (!cluster_.Running(node)) return;
  probes_.Hit(Probe::k_disk_error);
  io::SimDisk& disk = cluster_.machine(node).disk();
  if (Draw(kHow, 0, 2) == 0) {
    disk.FailNextStateSync();
  } else {
    disk.FailNextLogSync();
  }
}

void Nemesis::JumpClock() {
  probes_.Hit(Probe::k_clock_jump);
  io::SimClock& clock = cluster_.machine(DrawNode(kVictim)).clock();
  clock.JumpWall(static_cast<std::int64_t>(Draw(kAmount, 0, 6000)) - 3000);
}

// Little or no space is left for a while; sometimes it gets worse before it gets better.
void Nemesis::FillDisk() {
  io::SimDisk& disk = cluster_.machine(DrawNode(kVictim)).disk();
  const node::NodeOptions limits;
  const std::uint64_t how = Draw(kHow, 0, 2);
  disk.SetFreeBytes(how == 0 ? limits.disk_free_critical - 1 : limits.disk_free_low - 1);
  if (how == 1) {
    Later(DrawSpan(kCut, options_.cut_max_ms / 2), [&disk] {
      if (disk.free_bytes() != UINT64_MAX) disk.SetFreeBytes(0);
    });
  }
  Later(DrawSpan(kCut, options_.cut_max_ms), [&disk] { disk.SetFreeBytes(UINT64_MAX); });
}

// A machine stands still as a whole. Asleep, one of its monotonic clocks goes on; frozen, neither does, and only the
// wall clock is right when it thaws.
void Nemesis::FreezeOne() {
  const bool hits_leader = Draw(kHow, 0, 1) == 0;
  const NodeId node = hits_leader ? cluster_.Leader().value_or(DrawNode(kVictim)) : DrawNode(kVictim);
  if (!cluster_.Running(node) || world_.Paused(node)) return;
  const bool asleep = Draw(kHow, 0, 2) == 0;
  probes_.Hit(asleep ? Probe::k_sleep : Probe::k_freeze);
  world_.Pause(node);
  const Instant since = cluster_.machine(node).clock().Now();
  const std::uint32_t incarnation = cluster_.Incarnation(node);
  const Duration span = DrawCut();
  // When it goes on, nobody tells it what happened meanwhile.
  if (Draw(kHow, 0, 2) == 0) CutPairs([node](NodeId a, NodeId b) { return a == node || b == node; }, span + LongCut());
  Later(span, [this, node, asleep, since, incarnation] {
    if (!cluster_.Running(node) || cluster_.Incarnation(node) != incarnation || !world_.Paused(node)) return;
    io::SimClock& clock = cluster_.machine(node).clock();
    asleep ? clock.NoteSleep(clock.Now() - since) : clock.NoteFreeze(clock.Now() - since);
    world_.Resume(node);
  });
}

void Nemesis::TriggerSnapshot() {
  const NodeId node = DrawNode(kVictim);
  if (!cluster_.Running(node) || world_.Paused(node)) return;
  probes_.Hit(Probe::k_snapshot_triggered);
  cluster_.Find(node)->TriggerSnapshot();
}

void Nemesis::RemoveNode() {
  const NodeId leaving = DrawNode(kVictim);
  const NodeId via = DrawNode(kOther);
  const auto& ids = cluster_.ids();
  const auto staying = std::count_if(ids.begin(), ids.end(), [&](NodeId id) {
    return id != leaving && !cluster_.Leaving(id) && !cluster_.LearnsOnly(id) && cluster_.EverJoined(id);
  });
  // Who removes a node while a disk is missing takes the quorum away himself.
  if (cluster_.AwaitsRefill()) return;
  if (staying < 2 || leaving == via || !cluster_.Ready(leaving) || !cluster_.Running(via)) return;
  cluster_.Leave(leaving, via);
  if (Draw(kHow, 0, 2) == 0) return;
  Later(DrawSpan(kDown, options_.down_max_ms + 200), [this, leaving] {
    if (cluster_.Left(leaving)) cluster_.Rejoin(leaving);
  });
}

// --- Faults on protocol state

void Nemesis::Trigger(const io::DrawKind& kind, std::uint64_t ppm, Probe probe, NodeId node,
                      void (Nemesis::*fault)(NodeId)) {
  if (!active_ || !world_.draws().Chance(kind, io::ActorOf(node), static_cast<std::uint32_t>(ppm))) return;
  const auto micros = world_.draws().Between(kTriggerDelay, io::ActorOf(node), 0, options_.trigger_delay_max_us);
  const std::uint32_t incarnation = cluster_.Incarnation(node);
  Later(Duration::Micros(static_cast<std::int64_t>(micros)), [this, probe, node, fault, incarnation] {
    if (!cluster_.Running(node) || cluster_.Incarnation(node) != incarnation) return;
    probes_.Hit(probe);
    (this->*fault)(node);
  });
}

bool Nemesis::Leads(NodeId node) {
  const node::Node* running = cluster_.Find(node);
  return running != nullptr && std::holds_alternative<Leader>(running->raft().core().role());
}

void Nemesis::OnTrace(NodeId node, const TraceEvent& event) {
  if (!active_) return;
  constexpr io::DrawKind kGrant("trigger.grant");
  constexpr io::DrawKind kWin("trigger.win");
  constexpr io::DrawKind kIsolateWinner("trigger.isolate_winner");
  constexpr io::DrawKind kCommit("trigger.commit");
  constexpr io::DrawKind kTruncate("trigger.truncate");
  constexpr io::DrawKind kInstall("trigger.install");
  constexpr io::DrawKind kIsolateLoader("trigger.isolate_loader");
  constexpr io::DrawKind kOvertakeLoad("trigger.overtake_load");
  constexpr io::DrawKind kChange("trigger.change");
  switch (event.kind) {
    case TraceKind::kVoteGranted:
      Trigger(kGrant, options_.crash_after_grant_ppm, Probe::k_crash_after_grant, node, &Nemesis::TakeDown);
      break;
    case TraceKind::kRoleChanged:
      if (static_cast<RoleName>(event.b) != RoleName::kLeader) break;
      Trigger(kWin, options_.crash_after_win_ppm, Probe::k_crash_after_win, node, &Nemesis::TakeDown);
      Trigger(kIsolateWinner, options_.isolate_after_win_ppm, Probe::k_isolate_after_win, node, &Nemesis::Isolate);
      break;
    case TraceKind::kTransferStarted: OnTransferStarted(node, NodeId(event.b)); break;
    case TraceKind::kCommitted:
      if (!Leads(node)) break;
      Trigger(kCommit, options_.crash_after_commit_ppm, Probe::k_crash_after_commit, node, &Nemesis::TakeDown);
      break;
    case TraceKind::kMembershipAppended:
      Trigger(kChange, options_.crash_in_change_ppm, Probe::k_crash_in_change, node, &Nemesis::TakeDown);
      break;
    case TraceKind::kLogTruncated:
      Trigger(kTruncate, options_.crash_after_truncate_ppm, Probe::k_crash_after_truncate, node, &Nemesis::TakeDown);
      break;
    case TraceKind::kLoadAsked:
      if (event.b == 0) break;
      Trigger(kIsolateLoader, options_.isolate_after_load_ppm, Probe::k_isolate_after_load, node, &Nemesis::Isolate);
      if (world_.draws().Chance(kOvertakeLoad, io::ActorOf(node),
                                static_cast<std::uint32_t>(options_.overtake_load_ppm))) {
        OvertakeLoad(node);
      }
      break;
    case TraceKind::kSnapshotSendStarted:
    case TraceKind::kSnapshotInstalled:
      Trigger(kInstall, options_.crash_in_install_ppm, Probe::k_crash_in_install, node, &Nemesis::TakeDown);
      break;
    default: break;
  }
}

void Nemesis::OnDiskStep(NodeId node, io::DiskStep step) {
  if (!active_) return;
  constexpr io::DrawKind kAppend("trigger.append");
  constexpr io::DrawKind kIsolateAppender("trigger.isolate_appender");
  constexpr io::DrawKind kBetweenSyncs("trigger.between_syncs");
  constexpr io::DrawKind kInstalled("trigger.installed");
  if (step == io::DiskStep::kLogIssued && Leads(node)) {
    Trigger(kAppend, options_.crash_after_append_ppm, Probe::k_crash_after_append, node, &Nemesis::TakeDown);
    Trigger(kIsolateAppender, options_.isolate_after_append_ppm, Probe::k_isolate_after_append, node,
            &Nemesis::Isolate);
  } else if (step == io::DiskStep::kLogDurable && cluster_.machine(node).disk().PendingLogWrites() > 0) {
    Trigger(kBetweenSyncs, options_.crash_between_syncs_ppm, Probe::k_crash_between_syncs, node, &Nemesis::TakeDown);
  } else if (step == io::DiskStep::kInstalled) {
    Trigger(kInstalled, options_.crash_in_install_ppm, Probe::k_crash_in_install, node, &Nemesis::TakeDown);
  }
}

}  // namespace metasrv::sim
