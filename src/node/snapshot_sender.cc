#include "node/snapshot_sender.h"

#include <algorithm>
#include <utility>

#include "common/prng.h"

namespace metasrv::node {
namespace {

constexpr std::size_t kWindow = 4;  // unacknowledged pieces
// A peer that installs a large state acknowledges nothing meanwhile, hence the generous limit.
constexpr int kGiveUpAfterHeartbeats = 40;
constexpr int kResendAfterHeartbeats = 2;

}  // namespace

std::uint64_t HashRow(std::uint64_t hash, std::string_view key, std::string_view value) {
  return Hash64(value, Hash64(key, hash));
}

SnapshotSender::SnapshotSender(Context& context, Pump& pump, const sm::Machine& machine, const MessageEncoder& encoder,
                               Send send)
    : context_(context), pump_(pump), machine_(machine), encoder_(encoder), send_(std::move(send)) {}

void SnapshotSender::Start(const SendSnapshot& order) {
  auto transfer = std::make_unique<Transfer>(context_.env.loop);
  transfer->number = ++last_transfer_;
  transfer->to = order.to;
  transfer->term = order.term;
  transfer->meta = FromStored(machine_.last_applied(), machine_.last_membership()).value_or(SnapshotMeta{});
  transfer->state = context_.env.state_store.NewSnapshot();
  transfer->rows = transfer->state->Scan({}, {});
  transfer->progress_at = context_.Now();
  const auto last = transfer->meta.last;
  Transfer& started = *(transfers_[order.to] = std::move(transfer));
  context_.Emit({TraceKind::kSnapshotSendStarted, order.to.value(), last ? last->index.value() : 0, {}});
  started.refused = !last;  // an empty state brings nobody forward
  Watch(started);
  if (last) Fill(started);
}

std::string SnapshotSender::EncodeNext(Transfer& transfer) {
  pb::SnapshotChunk chunk;
  chunk.set_term(transfer.term.value());
  chunk.set_transfer(transfer.number);
  chunk.set_number(transfer.next++);
  std::size_t bytes = 0;
  for (; transfer.rows->Valid() && bytes < context_.options.snapshot_chunk_bytes; transfer.rows->Next()) {
    pb::StateRow* row = chunk.add_rows();
    row->set_key(std::string(transfer.rows->key()));
    row->set_value(std::string(transfer.rows->value()));
    transfer.rows_hash = HashRow(transfer.rows_hash, row->key(), row->value());
    bytes += row->key().size() + row->value().size();
  }
  if (!transfer.rows->Valid()) {
    transfer.complete = true;
    auto* done = chunk.mutable_done();
    *done->mutable_last() = ToProto(*transfer.meta.last);
    *done->mutable_membership() = ToStored(transfer.meta);
    done->set_rows_hash(transfer.rows_hash);
  }
  return encoder_.Encode(transfer.to, std::move(chunk));
}

void SnapshotSender::Fill(Transfer& transfer) {
  while (!transfer.refused && !transfer.complete && transfer.window.size() < kWindow) {
    const std::uint64_t number = transfer.next;
    const std::string& bytes = transfer.window[number] = EncodeNext(transfer);
    send_(transfer.to, bytes);
  }
}

// From the first missing piece on; the receiver drops what it has.
void SnapshotSender::Resend(Transfer& transfer) {
  for (const auto& [number, bytes] : transfer.window) send_(transfer.to, bytes);
}

void SnapshotSender::Watch(Transfer& transfer) {
  const Duration pause = context_.options.raft.heartbeat_interval * kResendAfterHeartbeats;
  transfer.timer.Set(context_.Now() + pause, [this, to = transfer.to] { OnTimer(to); });
}

void SnapshotSender::OnTimer(NodeId to) {
  Transfer& transfer = *transfers_.at(to);
  const Duration patience = context_.options.raft.heartbeat_interval * kGiveUpAfterHeartbeats;
  if (transfer.refused || context_.Now() >= transfer.progress_at + patience) return End(to, false, std::nullopt);
  Watch(transfer);
  Resend(transfer);
}

void SnapshotSender::OnAck(NodeId from, const pb::SnapshotAck& ack) {
  const auto found = transfers_.find(from);
  if (found == transfers_.end() || found->second->number != ack.transfer()) return;
  Transfer& transfer = *found->second;
  if (ack.installed()) return End(from, true, transfer.meta.last);
  if (ack.refused()) {
    // Reported when the timer fires: a peer that keeps refusing must not be asked in a circle.
    transfer.refused = true;
    transfer.window.clear();
    return;
  }
  // The last piece stays, to ask again whether the peer has installed it all; any answer to it is progress.
  const std::uint64_t keep = transfer.complete ? transfer.next - 1 : transfer.next;
  const auto acked = transfer.window.lower_bound(std::min(ack.next(), keep));
  const bool all_arrived = transfer.complete && ack.next() == transfer.next;
  if (acked == transfer.window.begin() && !all_arrived) return;
  transfer.window.erase(transfer.window.begin(), acked);
  transfer.progress_at = context_.Now();
  if (all_arrived) return;
  Watch(transfer);
  Fill(transfer);
}

void SnapshotSender::End(NodeId to, bool delivered, std::optional<LogId> last) {
  transfers_.erase(to);
  context_.Emit({TraceKind::kSnapshotSendEnded, to.value(), delivered ? 1U : 0U, {}});
  pump_.Feed(SnapshotSent{to, delivered, last});
}

std::optional<LogIndex> SnapshotSender::oldest_end() const {
  std::optional<LogIndex> oldest;
  for (const auto& [to, transfer] : transfers_) {
    if (!transfer->meta.last) continue;
    const LogIndex end = transfer->meta.last->index.Next();
    if (!oldest || end < *oldest) oldest = end;
  }
  return oldest;
}

}  // namespace metasrv::node
