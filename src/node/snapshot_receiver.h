#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "node/context.h"
#include "node/pump.h"
#include "sm/machine.h"
#include "sm/state_hash.h"

namespace metasrv::node {

// The other end of SnapshotSender: collects the pieces of one snapshot in order beside the present state, shows a
// complete one to consensus, and when consensus wants it replaces the state by it. What was collected is staged on the
// disk, so that the next transfer of the same snapshot goes on from there, also after a restart and from another
// sender.
class SnapshotReceiver {
 public:
  using SendAck = std::function<void(NodeId to, pb::SnapshotAck ack)>;
  // The state was replaced; `meta` says by what.
  using OnInstalled = std::function<void(const SnapshotMeta& meta)>;

  SnapshotReceiver(Context& context, Pump& pump, sm::Machine& machine, SendAck send_ack, OnInstalled on_installed);

  void OnOffer(NodeId from, const pb::SnapshotOffer& offer);
  void OnChunk(NodeId from, const pb::SnapshotChunk& chunk);
  // Consensus wants the snapshot that was just shown to it.
  void Install(const SnapshotMeta& meta);
  void Stop() { stopped_ = true; }

  [[nodiscard]] bool installing() const { return transfer_ && transfer_->stage == Stage::kInstalling; }
  [[nodiscard]] std::uint64_t received_bytes() const { return received_bytes_; }

 private:
  enum class Stage : std::uint8_t { kCollecting, kInstalling, kInstalled, kUseless };
  struct Transfer {
    NodeId from;
    Term term;
    std::uint64_t number = 0;
    Stage stage = Stage::kCollecting;
    pb::SnapshotStaging place;  // what has been collected
    sm::RowsHash state_hash{};
    std::unique_ptr<sm::Installer> installer;
    std::uint64_t unflushed_bytes = 0;
    SnapshotMeta meta;  // once complete
    bool damaged = false;
  };

  [[nodiscard]] bool IsCurrent(NodeId from, std::uint64_t term, std::uint64_t number) const;
  // As good as installed already; or of no use, because it would undo what is here.
  [[nodiscard]] bool Contains(const LogId& last) const;
  [[nodiscard]] bool TooOld(const LogId& last) const;
  void Open(NodeId from, const pb::SnapshotOffer& offer);
  void Collect(const pb::SnapshotChunk& chunk);
  void FlushNowAndThen(std::uint64_t bytes);
  void Complete(const pb::SnapshotDone& done);
  [[nodiscard]] bool IsWhole(const pb::SnapshotDone& done, const std::optional<SnapshotMeta>& meta) const;
  void OnCommitted(bool ok);
  void Discard(Stage stage);
  void EmitEnd(bool arrived) const;
  void Forget();
  void Ack() const;

  Context& context_;
  Pump& pump_;
  sm::Machine& machine_;
  SendAck send_ack_;
  OnInstalled on_installed_;
  std::optional<Transfer> transfer_;
  Timer forget_;
  std::uint64_t received_bytes_ = 0;
  bool flushing_ = false;
  bool stopped_ = false;
};

}  // namespace metasrv::node
