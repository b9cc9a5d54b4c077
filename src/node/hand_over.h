#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "node/client_api.h"
#include "node/pump.h"

namespace metasrv::node {

// Gives leadership away (thesis §3.10): because an operator wants it, before the node stops, or because its disk can
// not keep up with what a leader owes to the others or is full. Consensus does the transfer; this decides when, and to
// whom.
class HandOver {
 public:
  // `pending_writes`: writes that this node has accepted and not answered yet.
  HandOver(Context& context, Pump& pump, std::function<std::size_t()> pending_writes);

  // Starts a transfer to `to`, or to the voter that follows this node in ascending id order (operations.md §2.5).
  [[nodiscard]] TransferReply Trigger(std::optional<NodeId> to);

  // Calls `done` once this node may stop without being missed: another node leads and everything that was accepted is
  // answered; or when that can not be had within two election timeouts. At once when it does not lead.
  void Leave(std::function<void()> done);

  // The log disk is slow: looks for a follower with a better one, at most once per disk_hand_over_pause.
  void AvoidLeading();

  // This node must not lead any more: calls `done` once another one does, or when nobody took over within an election
  // timeout. At once when it does not lead.
  void MakeWay(std::function<void()> done);

  void OnTransferDone(const TransferDone& done);
  // Everything that was fed has been worked off.
  void OnQuiet();
  void Stop();

 private:
  void Start(HandOverReason reason, std::optional<NodeId> to);
  void LeaveStep();
  void FinishLeaving();
  void FinishMakingWay();

  Context& context_;
  Pump& pump_;
  std::function<std::size_t()> pending_writes_;
  Timer timer_;
  std::function<void()> left_;  // set while the node is leaving
  Instant leave_deadline_;
  std::optional<Instant>
      lingers_until_;  // another node leads: until then requests that come to the old address are served
  std::optional<RequestId> transfer_;  // the one that runs
  bool nobody_takes_over_ = false;
  std::optional<Instant> avoided_at_;
  Timer way_timer_;
  std::function<void()> made_way_;  // set while it makes way
};

}  // namespace metasrv::node
