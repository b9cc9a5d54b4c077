#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "node/context.h"
#include "node/pump.h"
#include "sm/machine.h"

namespace metasrv::node {

// The other end of SnapshotSender: collects the pieces of one transfer in order beside the present state, shows a
// complete one to consensus, and when consensus wants it replaces the state by it.
class SnapshotReceiver {
 public:
  using SendAck = std::function<void(NodeId to, pb::SnapshotAck ack)>;
  // The state was replaced; `meta` says by what.
  using OnInstalled = std::function<void(const SnapshotMeta& meta)>;

  SnapshotReceiver(Context& context, Pump& pump, sm::Machine& machine, SendAck send_ack, OnInstalled on_installed);

  void OnChunk(NodeId from, pb::SnapshotChunk chunk);
  // Consensus wants the snapshot that was just shown to it.
  void Install(const SnapshotMeta& meta);
  void Stop() { stopped_ = true; }

  [[nodiscard]] bool installing() const { return transfer_ && transfer_->stage == Stage::kInstalling; }

 private:
  enum class Stage : std::uint8_t { kCollecting, kInstalling, kInstalled, kUseless };
  struct Transfer {
    NodeId from;
    Term term;
    std::uint64_t number = 0;
    std::uint64_t next = 0;
    std::uint64_t rows_hash = 0;
    std::unique_ptr<sm::Installer> installer;
    Stage stage = Stage::kCollecting;
    SnapshotMeta meta;  // once complete
  };

  [[nodiscard]] bool Accepts(NodeId from, const pb::SnapshotChunk& chunk);
  void Collect(pb::SnapshotChunk& chunk);
  void Complete(const pb::SnapshotDone& done);
  void OnCommitted(bool ok);
  void Ack() const;
  void Refuse(NodeId to, const pb::SnapshotChunk& chunk) const;

  Context& context_;
  Pump& pump_;
  sm::Machine& machine_;
  SendAck send_ack_;
  OnInstalled on_installed_;
  std::optional<Transfer> transfer_;
  bool stopped_ = false;
};

}  // namespace metasrv::node
