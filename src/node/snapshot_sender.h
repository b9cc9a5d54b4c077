#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/context.h"
#include "node/pump.h"
#include "node/wire.h"
#include "sm/machine.h"

namespace metasrv::node {

// Streams the whole state to peers that the log can no longer bring up to date: the rows of one frozen view, in pieces,
// a few of them unacknowledged at a time. What gets lost is sent again; a peer that makes no progress for a while is
// given up.
class SnapshotSender {
 public:
  using Send = std::function<void(NodeId to, std::string bytes)>;

  SnapshotSender(Context& context, Pump& pump, const sm::Machine& machine, const MessageEncoder& encoder, Send send);

  // Ends in one SnapshotSent input, unless it is cancelled.
  void Start(const SendSnapshot& order);
  void Cancel(NodeId to) { transfers_.erase(to); }
  void OnAck(NodeId from, const pb::SnapshotAck& ack);
  void Stop() { transfers_.clear(); }

  // The log must not be purged beyond this while a peer will need what follows its snapshot.
  [[nodiscard]] std::optional<LogIndex> oldest_end() const;

 private:
  struct Transfer {
    explicit Transfer(io::EventLoop& loop) : timer(loop) {}
    std::uint64_t number = 0;
    NodeId to;
    Term term;
    SnapshotMeta meta;
    std::shared_ptr<const sm::Snapshot> state;
    std::unique_ptr<sm::Iterator> rows;
    std::map<std::uint64_t, std::string> window;  // encoded pieces that are not acknowledged, by number
    std::uint64_t next = 0;                       // number of the next piece to encode
    std::uint64_t rows_hash = 0;
    bool complete = false;  // the last piece has been encoded
    bool refused = false;   // nothing is sent any more
    Instant progress_at;
    Timer timer;
  };

  [[nodiscard]] std::string EncodeNext(Transfer& transfer);
  void Fill(Transfer& transfer);
  void Resend(Transfer& transfer);
  void Watch(Transfer& transfer);
  void OnTimer(NodeId to);
  void End(NodeId to, bool delivered, std::optional<LogId> last);

  Context& context_;
  Pump& pump_;
  const sm::Machine& machine_;
  const MessageEncoder& encoder_;
  Send send_;
  std::map<NodeId, std::unique_ptr<Transfer>> transfers_;
  std::uint64_t last_transfer_ = 0;
};

// Folds one row into the hash that both ends compute over all rows in order.
[[nodiscard]] std::uint64_t HashRow(std::uint64_t hash, std::string_view key, std::string_view value);

}  // namespace metasrv::node
