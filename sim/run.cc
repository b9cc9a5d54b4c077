#include "sim/run.h"

#include <algorithm>

#include "common/prng.h"
#include "consensus/core.h"
#include "sim/cluster.h"
#include "sim/judges.h"
#include "sim/liveness.h"
#include "sim/nemesis.h"
#include "sim/restore.h"
#include "sim/watchers.h"
#include "sim/workload.h"

namespace metasrv::sim {
namespace {

constexpr Property kForms = {"a cluster forms", "Without faults every node joins within a bounded time.",
                             "operations.md §2.2"};
constexpr Property kBounded = {"bounded work", "A run does not take more events than a storm would.",
                               "simulation.md §4, RES"};

constexpr Duration kFormingMax = Duration::Seconds(40);
constexpr Duration kQuietCheck = Duration::Seconds(1);
constexpr std::uint64_t kEventsMax = 1'500'000;

io::World* world_under_way = nullptr;

Duration Millis(std::uint64_t count) { return Duration::Millis(static_cast<std::int64_t>(count)); }

constexpr std::uint64_t kOtherIds = 11;  // where the ids of a restored cluster start that are not those of the old one
constexpr std::uint64_t kNodesForRot = 3;
constexpr Duration kBackupRetry = Duration::Millis(20);
constexpr int kBackupAttempts = 200;
constexpr io::DrawKind kBackupFrom("restore.from");

// What outlives the cluster that a backup was taken of.
struct Backup {
  std::vector<std::string> lines;
  bool log_is_whole = false;     // nothing was purged
  std::uint64_t operations = 0;  // begun by the clients of that cluster
};

// One cluster, phase by phase.
class Experiment {
 public:
  // `backup`: what it is made of, if not null.
  Experiment(const RunOptions& options, const RunExtras& extras, const Backup* backup = nullptr)
      : options_(options),
        extras_(extras),
        world_(options.seed),
        judges_(TokenOf, verdict_, probes_),
        oracle_(judges_.history(), verdict_),
        restored_(backup == nullptr ? std::nullopt
                                    : std::optional(Restore(backup->lines, NodeId(options_.first_id), options_.nodes))),
        cluster_(Prepared(), options_, judges_, verdict_, probes_, restored_ ? &*restored_ : nullptr),
        workload_(world_, options_, cluster_, judges_, oracle_, probes_),
        watchers_(world_, options_, cluster_, judges_, workload_, verdict_, probes_),
        nemesis_(world_, options_, cluster_, workload_, probes_),
        liveness_(world_, options_, cluster_, judges_, workload_, verdict_, probes_) {
    judges_.history().SetListener([this](const History::Step& step) {
      if (step.token != 0) oracle_.OnEntry(step.token, step.id.index);
    });
    cluster_.SetDownListener([this](NodeId node, std::uint32_t incarnation) {
      workload_.OnNodeDown(node, incarnation);
      watchers_.OnNodeDown(node, incarnation);
    });
    cluster_.SetTraceListener([this](NodeId node, const TraceEvent& event) { nemesis_.OnTrace(node, event); });
    if (backup != nullptr) oracle_.StartAfter(backup->operations);
    world_under_way = &world_;
  }
  ~Experiment() { world_under_way = nullptr; }
  Experiment(const Experiment&) = delete;
  Experiment& operator=(const Experiment&) = delete;

  RunResult Go() {
    Form();
    Hurt();
    Recover();
    BeQuiet();
    CountRestored();
    return Result();
  }

  // Goes on for so long that the cluster can be given up; none when there was nobody to take a backup of, or something
  // else went wrong.
  std::optional<Backup> GoUntilBackup() {
    Form();
    if (Over()) return std::nullopt;
    workload_.Start();
    watchers_.Start();
    nemesis_.Start();
    RunFor(Millis(options_.restore_after_ms));
    std::optional<NodeId> from;
    for (int attempt = 0; attempt < kBackupAttempts && !from && !Over(); ++attempt) {
      RunFor(kBackupRetry);
      from = WhoCanBeExported();
    }
    if (!from || Over()) return std::nullopt;
    Backup backup = TakeBackup(*from);
    RunFor(Millis(options_.restore_lag_ms));
    if (Over()) return std::nullopt;
    backup.operations = oracle_.begun();
    return backup;
  }

  // Without a verdict on what was not reached.
  RunResult Result() {
    RunResult result;
    result.failure = verdict_.failure();
    world_.Mix(judges_.history().end().value());
    if (judges_.history().end() > LogIndex(0)) world_.Mix(judges_.history().At(judges_.history().end().Prev()).row_sum);
    result.digest = world_.digest();
    result.checkpoints = world_.checkpoints();
    result.events = world_.event_count();
    result.simulated = world_.now() - Instant();
    result.recovery = recovery_;
    result.history_end = judges_.history().end();
    result.operations = oracle_.counts();
    const auto& network = cluster_.network().counts();
    probes_.Hit(Probe::k_unknown_was_applied, result.operations.unknown_applied);
    probes_.Hit(Probe::k_repeat_recognized, result.operations.repeats_applied);
    probes_.Hit(Probe::k_record_expired, judges_.history().expired_count());
    probes_.Hit(Probe::k_messages_lost, network.lost);
    probes_.Hit(Probe::k_messages_duplicated, network.duplicated);
    probes_.Hit(Probe::k_ghosts, network.ghosts);
    result.probes = probes_;
    result.story = world_.trace().Tail(extras_.trace_lines_max);
    if (extras_.record) result.decisions = world_.draws().Recorded();
    return result;
  }

 private:
  // Somebody who runs and whose state is right.
  std::optional<NodeId> WhoCanBeExported() {
    std::vector<NodeId> able;
    for (const NodeId id : cluster_.ids()) {
      if (cluster_.Running(id) && !judges_.Rotten(id)) able.push_back(id);
    }
    if (able.empty()) return std::nullopt;
    return able[world_.draws().RawAt(kBackupFrom, 0, 0) % able.size()];
  }

  Backup TakeBackup(NodeId from) {
    probes_.Hit(Probe::k_backup_taken);
    if (cluster_.Leader() == from) probes_.Hit(Probe::k_backup_of_leader);
    const RaftCore& core = cluster_.Find(from)->raft().core();
    if (core.commit_end() < core.log().end()) probes_.Hit(Probe::k_backup_with_uncommitted);
    Backup backup;
    backup.lines = ExportLines(*cluster_.Find(from));
    backup.log_is_whole = !cluster_.Find(from)->Export().purged;
    JudgeBackup(backup.lines, judges_.history(), verdict_);
    return backup;
  }

  void CountRestored() {
    if (!restored_ || Over()) return;
    probes_.Hit(options_.first_id == kOtherIds ? Probe::k_restored_other_ids : Probe::k_restored_same_ids);
    const LogIndex imported_end = restored_->disks.begin()->second.log.end();
    const LogIndex state_end = restored_->applied ? restored_->applied->index.Next() : LogIndex(0);
    const std::uint64_t added = 1 + restored_->disks.size();  // the membership, and the members' addresses
    if (state_end.value() + added < imported_end.value()) probes_.Hit(Probe::k_restored_tail_applied);
  }

  io::World& Prepared() {
    world_.draws().Override(extras_.schedule);
    if (extras_.record) world_.draws().StartRecording();
    if (extras_.trace_lines_max > io::TraceRing::kDefaultCapacity) world_.trace().SetCapacity(extras_.trace_lines_max);
    return world_;
  }

  [[nodiscard]] bool Over() const { return verdict_.failed() || stopped_; }

  // Runs events until `end`, or until `enough` says so after one.
  template <class Enough>
  void RunUntil(Instant end, Enough enough) {
    while (!Over() && world_.NextEventTime() <= end) {
      world_.StepOne();
      judges_.AfterEvent();
      if (enough()) return;
      if (world_.event_count() > kEventsMax) verdict_.NotLive(kBounded, "more than " + std::to_string(kEventsMax));
      if (extras_.until_event != 0 && world_.event_count() >= extras_.until_event) stopped_ = true;
    }
    if (!Over()) world_.RunUntil(end);
  }
  void RunFor(Duration span) {
    RunUntil(world_.now() + span, [] { return false; });
  }

  [[nodiscard]] bool AllReady() const {
    const auto& ids = cluster_.ids();
    return std::all_of(ids.begin(), ids.end(), [&](NodeId id) { return cluster_.Ready(id); });
  }

  void Form() {
    cluster_.Start(cluster_.ids().front());
    // After an import nobody can lead alone.
    if (options_.import_like == 0 && !restored_) {
      RunUntil(world_.now() + kFormingMax, [this] { return cluster_.Ready(NodeId(1)); });
    }
    for (const NodeId id : cluster_.ids()) {
      if (!Over()) cluster_.Start(id);
    }
    if (options_.join_under_faults != 0) return;
    RunUntil(world_.now() + kFormingMax, [this] { return AllReady(); });
    if (!Over() && !AllReady()) verdict_.NotLive(kForms, "after " + std::to_string(kFormingMax.millis()) + " ms");
  }

  void Hurt() {
    if (Over()) return;
    workload_.Start();
    watchers_.Start();
    nemesis_.Start();
    const std::uint64_t tail = std::min(options_.quiet_tail_ms, options_.fault_ms);
    RunFor(Millis(options_.fault_ms - tail));
    workload_.Stop();
    RunFor(Millis(tail));
  }

  void Recover() {
    if (Over()) return;
    nemesis_.EndAll();
    liveness_.Heal();
    const Instant began = world_.now();
    liveness_.AskForService();
    AwaitRecovery(liveness_.Patience());
    recovery_ = world_.now() - began;
    if (!Over()) liveness_.ReportMissing();
  }

  void AwaitRecovery(Duration patience) {
    Instant looked_at = world_.now();
    RunUntil(looked_at + patience, [&] {
      if (world_.now() - looked_at < Duration::Millis(10)) return false;
      looked_at = world_.now();
      return liveness_.Done();
    });
  }

  // Nobody asks anything; the cluster may not go wild, and every old question must have been answered.
  void BeQuiet() {
    watchers_.Stop();
    const Duration patience = Millis(2 * (options_.write_timeout_ms + options_.leader_wait_ms) + 2000);
    if (workload_.pending_count() > 0) RunFor(patience);
    RunFor(Millis(2 * options_.election_max_ms));  // what the last faults have set going ends by itself
    AwaitRecovery(liveness_.Patience());
    const std::uint64_t sent = cluster_.network().counts().sent;
    if (!Over()) liveness_.BeginQuiet();
    RunFor(kQuietCheck);
    if (Over()) return;
    liveness_.EndQuiet();
    const std::uint64_t quiet = cluster_.network().counts().sent - sent;
    if (quiet > liveness_.QuietMessagesMax()) {
      verdict_.NotLive(kQuiet, std::to_string(quiet) + " messages in a quiet second; at most " +
                                   std::to_string(liveness_.QuietMessagesMax()) + " are expected");
    }
    workload_.JudgeOverdue(patience);
    watchers_.JudgeAtRest();
  }

  const RunOptions options_;
  const RunExtras extras_;
  Verdict verdict_;
  Probes probes_;
  io::World world_;
  Judges judges_;
  Oracle oracle_;
  const std::optional<Restored> restored_;
  Cluster cluster_;
  Workload workload_;
  WatchClients watchers_;
  Nemesis nemesis_;
  Liveness liveness_;
  Duration recovery_;
  bool stopped_ = false;
};

}  // namespace

namespace {

// The options of the cluster that is restored from a backup.
RunOptions AfterRestore(const RunOptions& options, const Backup& backup) {
  RunOptions after = options;
  after.seed = MixHash(options.seed, options.restore);
  after.learners = 0;
  if (options.restore_nodes != 0) {
    after.nodes = options.restore_nodes;
    after.first_id = kOtherIds;
  }
  if (after.nodes < kNodesForRot) after.bit_rot_every_ms = 0;
  // Who starts empty would apply the old log from its beginning, in which the members that the restore took out still
  // are (docs/SIMULATION.md, what it does not cover).
  if (backup.log_is_whole) after.wipe_every_ms = 0;
  return after;
}

// Two clusters, one after the other, as one run.
RunResult Joined(const RunResult& before, RunResult after) {
  after.digest = MixHash(before.digest, after.digest);
  after.checkpoints.insert(after.checkpoints.begin(), before.checkpoints.begin(), before.checkpoints.end());
  after.events += before.events;
  after.simulated = after.simulated + before.simulated;
  after.probes.Add(before.probes.counts());
  return after;
}

RunResult RunWithRestore(const RunOptions& options, const RunExtras& extras) {
  // What a schedule fixes or a recording keeps is the restored cluster's.
  RunExtras of_first = extras;
  of_first.schedule.clear();
  of_first.record = false;
  RunResult before;
  std::optional<Backup> backup;
  {
    Experiment first(options, of_first);
    backup = first.GoUntilBackup();
    before = first.Result();
  }
  if (!backup || before.failure) return before;
  RunExtras of_second = extras;
  if (extras.until_event != 0) of_second.until_event = extras.until_event - before.events;
  Experiment second(AfterRestore(options, *backup), of_second, &*backup);
  return Joined(before, second.Go());
}

}  // namespace

RunResult Run(const RunOptions& options, const RunExtras& extras) {
  return options.restore != 0 ? RunWithRestore(options, extras) : Experiment(options, extras).Go();
}

std::vector<std::string> StoryOfRunUnderWay(std::size_t lines_max) {
  if (world_under_way == nullptr) return {};
  return world_under_way->trace().Tail(lines_max);
}

}  // namespace metasrv::sim
