#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/context.h"
#include "node/pump.h"
#include "node/snapshot_pin.h"
#include "node/wire.h"
#include "sm/machine.h"

namespace metasrv::node {

// Streams the whole state to peers that the log can no longer bring up to date (docs/decisions/0017). One transfer at a
// time; others wait for their turn. The rows of a frozen state go out in pieces, a few of them unacknowledged, at most
// at the configured rate. What gets lost is sent again. A peer that makes no progress for a while is given up, but its
// pin is kept, so that the next attempt goes on where this one ended.
class SnapshotSender {
 public:
  using Send = std::function<void(NodeId to, std::string bytes)>;
  // A peer says that the rows are not what this node announced.
  using OnDoubted = std::function<void()>;

  SnapshotSender(Context& context, Pump& pump, const sm::Machine& machine, const MessageEncoder& encoder, Send send,
                 OnDoubted on_doubted);

  // Ends in one SnapshotSent input, unless it is cancelled.
  void Start(const SendSnapshot& order);
  void Cancel(NodeId to);
  // `disk` is the one that the answer was given with.
  void OnAck(NodeId from, Incarnation disk, const pb::SnapshotAck& ack);
  void Stop();

  // The log must not be purged beyond this while a peer will need what follows its snapshot.
  [[nodiscard]] std::optional<LogIndex> oldest_end() const;

  [[nodiscard]] const SnapshotFigures& figures() const { return figures_; }

 private:
  enum class Stage : std::uint8_t {
    kOffering,  // waits to hear where the peer is
    kSkipping,  // cuts pieces that the peer got from somebody else
    kSending,
    kRefused,  // nothing is sent any more; reported when the timer fires
  };
  struct Transfer {
    std::uint64_t number = 0;
    NodeId to;
    Term term;
    Stage stage = Stage::kOffering;
    bool afresh = false;  // the peer is asked to forget what it has
    std::unique_ptr<SnapshotPin> pin;
    std::map<std::uint64_t, std::string> window;  // encoded pieces that are not acknowledged, by number
    std::size_t window_bytes = 0;
    std::uint64_t skip_to = 0;
    std::uint64_t skip_hash = 0;
    Instant progress_at;
  };
  // A pin whose transfer was interrupted, or the place that a peer was just brought to.
  struct Kept {
    std::unique_ptr<SnapshotPin> pin;  // null: only the log behind it is kept
    LogIndex end;
    std::uint64_t sent_end = 0;
    Instant until;
  };

  void StartNext();
  void Begin(const SendSnapshot& order);
  [[nodiscard]] std::unique_ptr<SnapshotPin> PinFor(NodeId to);
  void Offer();
  void GoOnAt(std::uint64_t next, std::uint64_t hash);
  void Skip();
  void SendFromHere();
  void OfferAfresh(std::uint64_t had);
  void Fill();
  void SendPiece(std::uint64_t number, const std::string& bytes);
  void Resend();
  void Watch();
  void OnTimer();
  void Acknowledge(const pb::SnapshotAck& ack);
  void End(bool delivered, Incarnation disk, std::optional<LogId> last);
  void Keep(Transfer transfer, bool delivered);
  void DropExpired();

  Context& context_;
  Pump& pump_;
  const sm::Machine& machine_;
  const MessageEncoder& encoder_;
  Send send_;
  OnDoubted on_doubted_;
  std::deque<SendSnapshot> waiting_;
  std::optional<Transfer> transfer_;
  std::uint64_t sent_end_ = 0;  // of the running transfer's pin: earlier pieces were sent before
  std::map<NodeId, Kept> kept_;
  Timer watch_;
  Timer pace_;
  Timer expiry_;
  Instant may_send_at_;
  std::uint64_t last_transfer_;
  SnapshotFigures figures_;
};

}  // namespace metasrv::node
