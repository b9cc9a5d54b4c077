#pragma once

#include <cstddef>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "consensus/raft.h"
#include "node/clock_guard.h"
#include "node/context.h"
#include "sm/machine.h"

namespace metasrv::node {

// Where the pump delivers what consensus decided. Calls come in the order of Output's members; they may feed the pump.
class PumpListener {
 public:
  virtual ~PumpListener() = default;
  virtual void OnTrace(const TraceEvent&) {}
  virtual void OnProposed(const Proposed& proposed) = 0;
  virtual void OnSend(NodeId to, const Message& message) = 0;
  virtual void OnApplied(const Entry& entry, sm::Applied& applied) = 0;
  // A batch of entries was applied; batches end at every multiple of checkpoint_interval.
  virtual void OnBatchApplied() = 0;
  virtual void OnReadReady(const ReadReady& read) = 0;
  virtual void OnMembershipDone(const MembershipDone& done) = 0;
  virtual void OnTransferDone(const TransferDone& done) = 0;
  virtual void OnCancelSnapshot(NodeId to) = 0;
  virtual void OnSendSnapshot(const SendSnapshot& send) = 0;
  virtual void OnInstallSnapshot(const SnapshotMeta& meta) = 0;
  // Everything that was fed has been worked off.
  virtual void OnQuiet() = 0;
  // The log store was given a write; it has completed one, in order.
  virtual void OnLogWrite() = 0;
  virtual void OnLogWritten() = 0;
  // The disk failed; the pump has stopped.
  virtual void OnFatal(const std::string& reason) = 0;
};

// The part of consensus' status that is asked for on every request.
struct RaftView {
  bool leads = false;
  Term term;
  std::optional<NodeId> leader;
  std::optional<NodeId> successor;  // this node leads and is handing over to that one

  friend bool operator==(const RaftView&, const RaftView&) = default;
};

// What of the log store's contents must be remembered to export it unchanged (export-format.md §10.4, §10.5).
struct StoredFacts {
  std::optional<HardState> hard_state;
  std::optional<LogId> committed;
  std::optional<LogId> purged;
  // Where the log starts, not written yet: it goes with the first entries (export-format.md §10.5, §13.5).
  std::optional<LogId> reset_later;
};

// Drives consensus: feeds one input at a time and carries out the Output, in order. The only writer of the log store
// and the only one who applies entries. See README.md for the drawing.
class Pump {
 public:
  // `log_time` is the time of the newest log entry that has one. All references must outlive the pump.
  Pump(Context& context, Raft raft, sm::Machine& machine, PumpListener& listener, StoredFacts stored,
       std::uint64_t log_time);

  // Feeds `input`; at once, or after the ones that are being worked off. Ignored once stopped.
  void Feed(Input input);

  // Writes what recovery or the bootstrap found to be written first, and arms the timer for consensus' deadlines.
  // Nothing is sent before those writes are durable; then `settled` is called.
  void Start(std::vector<io::LogBatch> first_writes, std::function<void()> settled);

  // Nothing is fed, stored, sent or applied any more. Idempotent.
  void Stop();

  // Stops because of a disk error, and reports it once.
  void Fail(const std::string& reason);

  // The state was replaced by one that ends with `last`.
  void NoteInstalled(const LogId& last);

  [[nodiscard]] RequestId NextRequestId() { return RequestId(++last_request_id_); }

  [[nodiscard]] const Raft& raft() const { return raft_; }
  // A write that consensus asked for is on its way to the disk.
  [[nodiscard]] bool storing() const { return durable_ < issued_; }
  // The log has entries that are not committed.
  [[nodiscard]] bool committing() const;
  // Consensus would take on proposals of so many bytes more. Requires: leads().
  [[nodiscard]] bool HasRoomFor(std::size_t bytes) const;
  // Nothing is waiting to be fed.
  [[nodiscard]] bool drained() const { return inputs_.empty(); }
  [[nodiscard]] const RaftView& view() const { return view_; }
  [[nodiscard]] bool leads() const { return view_.leads; }
  [[nodiscard]] const StoredFacts& stored() const { return stored_; }
  // Number of applied entries; the first entry has index 0.
  [[nodiscard]] LogIndex applied_end() const;
  // No entry of this log, nor one that the state contains, carries a later time.
  [[nodiscard]] std::uint64_t log_time() const;
  [[nodiscard]] std::uint64_t leader_changes() const { return leader_changes_; }

 private:
  void RunStep(Input input);
  void RunOutput(Output out);
  void RefreshView();
  void NoteCommitted(const LogId& last);
  void Store(Persist persist);
  void NoteStored(const io::LogBatch& batch);
  void OnStored(PersistSeq seq, Instant issued, const std::expected<void, io::Error>& result);
  void Write(io::LogBatch batch, PersistSeq seq);
  void Load(const LoadEntries& load);
  void OnLoaded(const LoadEntries& load, std::expected<std::vector<Entry>, io::Error> result);
  void OnFirstWrite();
  void SendOrHold(std::vector<Outgoing> messages);
  void ReleaseHeld();
  void Apply(const std::vector<Entry>& entries);
  void ApplyPiece(std::span<const Entry> entries);
  void NoteChangeDone(MembershipDone done);
  void AnswerAppliedChanges();
  void ArmTimer();

  Context& context_;
  Raft raft_;
  sm::Machine& machine_;
  PumpListener& listener_;
  ClockGuard clock_guard_;
  Timer tick_;
  RaftView view_;
  std::optional<NodeId> last_leader_;  // for counting changes
  StoredFacts stored_;
  std::optional<LogId> written_committed_;  // what the log store was last given
  PersistSeq issued_;
  PersistSeq durable_;
  std::deque<Input> inputs_;
  std::deque<Outgoing> held_;                                     // wait for their write, in order
  std::deque<std::pair<LogIndex, MembershipDone>> changes_done_;  // wait until so much is applied
  std::size_t first_writes_ = 0;                                  // of Start, not durable yet
  std::function<void()> settled_;
  std::uint64_t last_request_id_ = 0;
  std::uint64_t log_time_ = 0;
  std::uint64_t leader_changes_ = 0;
  bool running_ = false;  // inside Feed's loop
  bool stopped_ = false;
};

}  // namespace metasrv::node
