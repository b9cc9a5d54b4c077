#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "io/sim/faults.h"
#include "io/sim/log_image.h"
#include "io/sim/world.h"
#include "sm/mem_store.h"
#include "sm/persistent_map.h"
#include "sm/store.h"

namespace metasrv::io {

// The rows of the state; copies are frozen and cost O(1).
using StateMap = sm::PersistentMap;

// What just happened on a disk, for faults and checks that follow the protocol's durable steps.
enum class DiskStep : std::uint8_t { kLogIssued, kLogDurable, kLogFailed, kStateFlushed, kInstalled };

// One operation of a log: what was asked, and what became of it.
struct LogOp {
  LogBatch batch;
  std::optional<ErrorKind> refused;  // never reached the disk; answered in its turn
  LogStore::Done done;               // empty once its process is gone
};

// The log half of a disk: two images, and the issued operations between them.
struct LogDisk {
  LogImage durable;                 // what a crash now could not take away
  LogImage issued;                  // what the living process sees (K1)
  std::deque<LogOp> pending;        // issued and not answered, in order
  std::size_t in_flight = 0;        // operations that the running sync covers (K2)
  std::deque<LogBatch> undecided;   // left by a failed sync: answered as errors, still a crash may keep a prefix
  std::optional<LogBatch> torn;     // a damaged record behind the durable ones, found when the store is opened ...
  std::uint64_t torn_checksum = 0;  // ... because this is what was written for the whole one
  bool poisoned = false;
  LogStats stats;
};

// What a state store holds at one time: its rows, and an unfinished installation.
struct StateImage {
  StateMap rows;
  std::optional<sm::StagedRows> staged;
};

// A flush or an install of the state, waiting for the disk.
struct StateOp {
  StateImage target;         // the state once it is done
  std::uint64_t covers = 0;  // number of the last write that it contains
  bool install = false;
  std::move_only_function<void(bool ok)> done;  // empty once its process is gone
};

// The state half of a disk.
struct StateDisk {
  StateImage durable;
  StateImage issued;
  std::deque<StateImage> pending;     // the state after each write since `durable`, in order
  std::uint64_t written = 0;          // writes ever issued
  std::uint64_t durable_through = 0;  // the last write in `durable`; pending.front() is the next one
  std::deque<StateOp> ops;            // one at a time, in order
  bool poisoned = false;
  bool installed = false;  // an install is durable and the process has not been told yet
};

// Everything on a disk that lies in a drawer.
struct DiskImage {
  LogImage log;
  StateImage state;
};

// The disk of one machine. Survives crashes of the node; a SimLogStore and a SimStateStore give one incarnation access
// to it.
//
// A crash keeps the durable state plus a drawn prefix of the later operations (K3), whole batches only (K4). All
// decisions are drawn under the names "disk.*" with the node as the actor.
class SimDisk {
 public:
  using Observer = std::function<void(NodeId node, DiskStep step)>;

  SimDisk(World& world, NodeId node, const DiskFaults& faults = {});
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;
  ~SimDisk();

  // --- Life and death ---
  // The node dies now: what was not durable is lost but for a prefix; nobody is called back. World::Kill comes first.
  void Crash();
  // The node's process dies and the machine lives on: what was written to the log stays, the state loses its writes as
  // in a crash. World::Kill comes first.
  void LoseProcess();
  // A new, empty disk (K14). Requires: no store is attached to it.
  void Wipe();

  // What the disk would hold if the power were cut now, and the way back: another disk in its place. Requires of
  // Replace: no store is attached.
  [[nodiscard]] DiskImage Image() const { return {log_.durable, state_.durable}; }
  void Replace(DiskImage image);

  // --- Faults that the harness sets ---
  void SetFaults(const DiskFaults& faults) { faults_ = faults; }
  [[nodiscard]] const DiskFaults& faults() const { return faults_; }
  // Operations take `factor` times as long from the next one on. Requires: factor > 0.
  void SetSlowdown(std::uint32_t factor);
  // While stalled no operation completes; those that are due complete when the stall ends.
  void SetStalled(bool stalled);
  // While held, entries of the log that are read back do not arrive; when they are let go, they do as they were.
  void SetReadsHeld(bool held);
  // A full disk refuses batches that append entries (kNoSpace, K12); everything else still has room.
  void SetFull(bool full) { full_ = full; }
  // What the node is told of the space that is left; the faults above do not depend on it.
  void SetFreeBytes(std::uint64_t bytes) { free_bytes_ = bytes; }
  [[nodiscard]] std::uint64_t free_bytes() const { return free_bytes_; }
  // The next log sync, or state flush or install, fails and poisons its store (K6).
  void FailNextLogSync() { fail_log_ = true; }
  void FailNextStateSync() { fail_state_ = true; }
  // Takes back a failure that was asked for and has not struck yet.
  void ForgiveNextSync() { fail_log_ = fail_state_ = false; }
  // Damages what was durable: every Load from now on answers kCorrupt (K7), until Wipe.
  void CorruptLog() { corrupt_ = true; }

  // Bit rot that no checksum catches: the row changes wherever the disk or the process holds it, but not in what a
  // running install will put in its place. Nothing when there is no such row.
  void RotState(std::string_view key, const std::function<std::string(const std::string& value)>& change);

  // The observer runs inside the disk's step: it must not kill the node at once, but may schedule events.
  void SetObserver(Observer observer) { observer_ = std::move(observer); }

  // --- Promises: what would be there if the node crashed at this instant ---
  [[nodiscard]] const LogImage& DurableLog() const { return log_.durable; }
  [[nodiscard]] const std::optional<HardState>& DurableHardState() const { return log_.durable.hard_state; }
  [[nodiscard]] LogIndex DurableLogEnd() const { return log_.durable.end(); }
  [[nodiscard]] std::optional<LogId> DurableLastLogId() const { return log_.durable.last(); }
  // Null when a crash could take the entry away, or when it was purged.
  [[nodiscard]] const Entry* DurableEntry(LogIndex index) const { return log_.durable.Find(index); }
  [[nodiscard]] const StateMap& DurableState() const { return state_.durable.rows; }
  // What the living process sees; at least as much as is durable.
  [[nodiscard]] const LogImage& IssuedLog() const { return log_.issued; }
  [[nodiscard]] const StateMap& IssuedState() const { return state_.issued.rows; }
  // Operations that a crash could take away.
  [[nodiscard]] std::size_t PendingLogWrites() const { return log_.pending.size() + log_.undecided.size(); }
  [[nodiscard]] std::size_t PendingStateWrites() const { return state_.pending.size(); }

  // The last crash left a damaged record that nobody has opened the log to find.
  [[nodiscard]] bool HasTornRecord() const { return log_.torn.has_value(); }

  [[nodiscard]] NodeId node() const { return node_; }

 private:
  friend class SimLogStore;
  friend class SimStateStore;

  // The process that has a store open: whose handle it is, and where its completions run.
  struct Process {
    const void* handle = nullptr;
    EventLoop* loop = nullptr;
  };

  // For the stores. A handle that lost its disk in a crash is inert: its writes go nowhere.
  void AttachLog(const void* handle, EventLoop& loop);
  void DetachLog(const void* handle);
  void AttachState(const void* handle, EventLoop& loop);
  void DetachState(const void* handle);
  [[nodiscard]] std::expected<LogContents, Error> VisitLog(const LogStore::Visitor& visit) const;
  struct LogRange {
    LogIndex begin;
    LogIndex end;
    std::size_t bytes_max = 0;
  };
  void ReadLog(const void* handle, LogRange range, LogStore::ReadDone done);
  [[nodiscard]] std::vector<Entry> Slice(const LogRange& range) const;
  void WriteLog(const void* handle, LogBatch batch, LogStore::Done done);
  [[nodiscard]] bool WriteState(const void* handle, sm::WriteBatch batch);
  void StageState(const void* handle, std::optional<sm::StagedRows> staged);
  void FlushState(const void* handle, std::move_only_function<void(bool ok)> done);
  void InstallState(const void* handle, StateMap rows, std::move_only_function<void(bool ok)> done);

  Duration Latency(const DrawKind& kind, const DrawKind& slow, std::uint64_t counter, Duration low, Duration high);
  bool Fails(const DrawKind& kind, std::uint64_t counter, bool& forced);
  EventId Schedule(Duration delay, std::uint64_t payload, Task run);
  [[nodiscard]] std::optional<ErrorKind> Refuse(const LogBatch& batch);
  void StartLogSync();
  void LogSyncDue();
  void LogSyncDone();
  void LogSyncFailed();
  void Answer(std::vector<LogOp> ops);
  [[nodiscard]] std::vector<LogBatch> TakeUnsynced();
  void CrashLog();
  void SettleLog();
  void RecoverTornRecord();
  [[nodiscard]] bool Installing() const;
  [[nodiscard]] const StateImage& NewestState() const;
  void AddStateOp(StateOp op);
  void StartStateOp();
  void StateOpDue();
  void StateOpDone(StateOp op);
  void StateOpFailed();
  void AnswerState(StateOp op, bool ok);
  void CrashState();
  void SettleState();
  void Observe(DiskStep step) const;

  World& world_;
  NodeId node_;
  DiskFaults faults_;
  Observer observer_;
  LogDisk log_;
  StateDisk state_;
  Process log_process_;
  Process state_process_;
  EventId log_event_ = 0;
  EventId state_event_ = 0;
  bool log_due_ = false;  // completed during a stall
  bool state_due_ = false;
  std::uint64_t log_syncs_ = 0;
  std::uint64_t log_reads_ = 0;
  std::uint64_t log_opens_ = 0;  // tells processes apart
  std::uint64_t state_syncs_ = 0;
  std::uint32_t slowdown_ = 1;
  bool stalled_ = false;
  bool reads_held_ = false;
  std::vector<Task> held_reads_;
  bool full_ = false;
  std::uint64_t free_bytes_ = UINT64_MAX;
  bool corrupt_ = false;
  bool fail_log_ = false;
  bool fail_state_ = false;
};

}  // namespace metasrv::io
