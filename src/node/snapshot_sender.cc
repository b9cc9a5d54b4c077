#include "node/snapshot_sender.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "consensus/core.h"

namespace metasrv::node {
namespace {

// Unacknowledged pieces: enough to keep a link busy, and little enough that a heartbeat behind them is not late.
constexpr std::size_t kWindowPieces = 4;
constexpr std::size_t kWindowBytesInPieces = 2;
constexpr int kResendAfterHeartbeats = 2;
constexpr std::size_t kPinsMax = 3;
constexpr int kSkipAtOnce = 4;
constexpr std::int64_t kMicrosPerSecond = 1'000'000;

}  // namespace

SnapshotSender::SnapshotSender(Context& context, Pump& pump, const sm::Machine& machine, const MessageEncoder& encoder,
                               Send send, OnDoubted on_doubted)
    : context_(context),
      pump_(pump),
      machine_(machine),
      encoder_(encoder),
      send_(std::move(send)),
      on_doubted_(std::move(on_doubted)),
      watch_(context.env.loop),
      pace_(context.env.loop),
      expiry_(context.env.loop),
      // Answers to an earlier incarnation must not be taken for answers to this one.
      last_transfer_(pump.NextRequestId().value()) {}

// --- the queue

void SnapshotSender::Start(const SendSnapshot& order) {
  waiting_.push_back(order);
  if (transfer_) {
    context_.Emit({TraceKind::kSnapshotSendQueued, order.to.value(), transfer_->to.value(), {}});
    return;
  }
  StartNext();
}

void SnapshotSender::StartNext() {
  if (transfer_ || waiting_.empty()) return;
  const SendSnapshot order = waiting_.front();
  waiting_.pop_front();
  Begin(order);
}

void SnapshotSender::Begin(const SendSnapshot& order) {
  Transfer& transfer = transfer_.emplace(Transfer{});
  transfer.number = ++last_transfer_;
  transfer.to = order.to;
  transfer.term = order.term;
  transfer.progress_at = context_.Now();
  transfer.pin = PinFor(order.to);
  const std::uint64_t last = transfer.pin ? transfer.pin->meta().last->index.value() : 0;
  context_.Emit({TraceKind::kSnapshotSendStarted, order.to.value(), last, {}});
  // An empty state brings nobody forward.
  if (!transfer.pin) transfer.stage = Stage::kRefused;
  if (transfer.pin) Offer();
  Watch();
}

// The pin of an earlier attempt, as long as the log goes on from there; else the present state.
std::unique_ptr<SnapshotPin> SnapshotSender::PinFor(NodeId to) {
  DropExpired();
  sent_end_ = 0;
  if (auto node = kept_.extract(to)) {
    Kept& kept = node.mapped();
    if (kept.pin && pump_.raft().core().log().begin() <= kept.end) {
      sent_end_ = kept.sent_end;
      return std::move(kept.pin);
    }
  }
  auto meta = FromStored(machine_.last_applied(), machine_.last_membership());
  CHECK(meta.has_value());
  if (!meta->last) return nullptr;
  return std::make_unique<SnapshotPin>(std::move(*meta), machine_.state_hash(), context_.env.state_store.NewSnapshot(),
                                       context_.options.snapshot_chunk_bytes);
}

void SnapshotSender::Cancel(NodeId to) {
  std::erase_if(waiting_, [to](const SendSnapshot& order) { return order.to == to; });
  if (!transfer_ || transfer_->to != to) return;
  watch_.Cancel();
  pace_.Cancel();
  Keep(*std::exchange(transfer_, std::nullopt), false);
  // Not from inside the step that cancels: it may cancel those that wait, too.
  watch_.Set(context_.Now(), [this] { StartNext(); });
}

void SnapshotSender::Stop() {
  waiting_.clear();
  transfer_.reset();
  kept_.clear();
  for (Timer* timer : {&watch_, &pace_, &expiry_}) timer->Cancel();
}

void SnapshotSender::End(bool delivered, Incarnation disk, std::optional<LogId> last) {
  const NodeId to = transfer_->to;
  watch_.Cancel();
  pace_.Cancel();
  Keep(*std::exchange(transfer_, std::nullopt), delivered);
  ++(delivered ? figures_.sent : figures_.send_failures);
  context_.Emit({TraceKind::kSnapshotSendEnded, to.value(), delivered ? 1U : 0U, {}});
  pump_.Feed(SnapshotSent{to, delivered, last, disk});
  StartNext();
}

// --- what stays behind

void SnapshotSender::Keep(Transfer transfer, bool delivered) {
  // What the peer does not want once it will not want again.
  if (!transfer.pin || transfer.stage == Stage::kRefused) return;
  DropExpired();
  Kept kept;
  kept.end = transfer.pin->meta().last->index.Next();
  // Delivered: the peer goes on from the log, if that is still there for a moment.
  kept.until = context_.Now() + (delivered ? context_.options.snapshot_stall : context_.options.snapshot_pin_keep);
  kept.sent_end = sent_end_;
  if (!delivered) kept.pin = std::move(transfer.pin);
  kept_.insert_or_assign(transfer.to, std::move(kept));
  if (kept_.size() > kPinsMax) {
    kept_.erase(std::min_element(kept_.begin(), kept_.end(),
                                 [](const auto& a, const auto& b) { return a.second.until < b.second.until; }));
  }
  DropExpired();
}

void SnapshotSender::DropExpired() {
  std::erase_if(kept_, [now = context_.Now()](const auto& kept) { return kept.second.until <= now; });
  for (const auto& [to, kept] : kept_) expiry_.SetAtLatest(kept.until, [this] { DropExpired(); });
}

std::optional<LogIndex> SnapshotSender::oldest_end() const {
  std::optional<LogIndex> oldest;
  if (transfer_ && transfer_->pin) oldest = transfer_->pin->meta().last->index.Next();
  for (const auto& [to, kept] : kept_) {
    if (!oldest || kept.end < *oldest) oldest = kept.end;
  }
  return oldest;
}

// --- where to begin

void SnapshotSender::Offer() {
  Transfer& transfer = *transfer_;
  transfer.stage = Stage::kOffering;
  pb::SnapshotOffer offer;
  offer.set_term(transfer.term.value());
  offer.set_transfer(transfer.number);
  *offer.mutable_snapshot() = transfer.pin->id();
  offer.set_afresh(transfer.afresh);
  send_(transfer.to, encoder_.Encode(transfer.to, std::move(offer)));
}

void SnapshotSender::GoOnAt(std::uint64_t next, std::uint64_t hash) {
  Transfer& transfer = *transfer_;
  transfer.window.clear();
  transfer.window_bytes = 0;
  if (transfer.pin->Seek(next)) {
    if (transfer.pin->hash() == hash) return SendFromHere();
  } else if (transfer.pin->Seek(0)) {
    transfer.stage = Stage::kSkipping;
    transfer.skip_to = next;
    transfer.skip_hash = hash;
    return Skip();
  }
  OfferAfresh(next);
}

// The peer has pieces that this pin never cut: another leader sent them, or this node in an earlier life.
void SnapshotSender::Skip() {
  SnapshotPin& pin = *transfer_->pin;
  for (int i = 0; i < kSkipAtOnce && pin.next() < transfer_->skip_to && !pin.at_end(); ++i) {
    static_cast<void>(pin.Next());
  }
  transfer_->progress_at = context_.Now();
  if (pin.next() < transfer_->skip_to && !pin.at_end()) return pace_.Set(context_.Now(), [this] { Skip(); });
  const bool same = pin.next() == transfer_->skip_to && pin.hash() == transfer_->skip_hash;
  if (same && !pin.at_end()) return SendFromHere();
  OfferAfresh(transfer_->skip_to);
}

void SnapshotSender::SendFromHere() {
  const std::uint64_t next = transfer_->pin->next();
  if (next > 0) {
    context_.Emit({TraceKind::kSnapshotResumed, transfer_->to.value(), next, {}});
    ++figures_.resumed;
  }
  transfer_->stage = Stage::kSending;
  Fill();
}

// The peer has other rows: everything again.
void SnapshotSender::OfferAfresh(std::uint64_t had) {
  context_.Emit({TraceKind::kSnapshotRestarted, transfer_->to.value(), had, {}});
  transfer_->number = ++last_transfer_;
  transfer_->afresh = true;
  Offer();
}

// --- sending

void SnapshotSender::Fill() {
  Transfer& transfer = *transfer_;
  const std::size_t bytes_max = kWindowBytesInPieces * context_.options.snapshot_chunk_bytes;
  while (transfer.stage == Stage::kSending && !transfer.pin->at_end() && transfer.window.size() < kWindowPieces &&
         (transfer.window.empty() || transfer.window_bytes < bytes_max)) {
    if (context_.Now() < may_send_at_) return pace_.Set(may_send_at_, [this] { Fill(); });
    pb::SnapshotChunk chunk = transfer.pin->Next();
    const std::uint64_t number = chunk.number();
    if (transfer.window.empty()) transfer.progress_at = context_.Now();
    chunk.set_term(transfer.term.value());
    chunk.set_transfer(transfer.number);
    std::string& bytes = transfer.window[number] = encoder_.Encode(transfer.to, std::move(chunk));
    transfer.window_bytes += bytes.size();
    SendPiece(number, bytes);
  }
}

void SnapshotSender::SendPiece(std::uint64_t number, const std::string& bytes) {
  figures_.sent_bytes += bytes.size();
  if (number < sent_end_) figures_.resent_bytes += bytes.size();
  sent_end_ = std::max(sent_end_, number + 1);
  if (const std::uint64_t rate = context_.options.snapshot_rate_bytes; rate > 0) {
    const auto micros = static_cast<std::int64_t>(bytes.size()) * kMicrosPerSecond / static_cast<std::int64_t>(rate);
    may_send_at_ = std::max(may_send_at_, context_.Now()) + Duration::Micros(micros);
  }
  send_(transfer_->to, bytes);
}

// From the first missing piece on; the receiver drops what it has.
void SnapshotSender::Resend() {
  if (transfer_->stage == Stage::kOffering) return Offer();
  if (context_.Now() < may_send_at_) return;
  for (const auto& [number, bytes] : transfer_->window) SendPiece(number, bytes);
}

void SnapshotSender::Watch() {
  const Duration pause = context_.options.raft.heartbeat_interval * kResendAfterHeartbeats;
  watch_.Set(context_.Now() + pause, [this] { OnTimer(); });
}

void SnapshotSender::OnTimer() {
  // Waiting for the own rate limit is not the peer's fault.
  const bool waits_for_peer = transfer_->stage != Stage::kSending || !transfer_->window.empty();
  const bool stalled = waits_for_peer && context_.Now() >= transfer_->progress_at + context_.options.snapshot_stall;
  if (transfer_->stage == Stage::kRefused || stalled) return End(false, {}, std::nullopt);
  Watch();
  Resend();
}

void SnapshotSender::OnAck(NodeId from, Incarnation disk, const pb::SnapshotAck& ack) {
  if (!transfer_ || transfer_->to != from || transfer_->number != ack.transfer() || !transfer_->pin) return;
  if (ack.installed()) return End(true, disk, transfer_->pin->meta().last);
  if (transfer_->stage == Stage::kRefused) return;
  if (ack.refused()) {
    // Reported when the timer fires: a peer that keeps refusing must not be asked in a circle.
    transfer_->stage = Stage::kRefused;
    transfer_->window.clear();
    if (ack.damaged()) on_doubted_();
  } else if (ack.unknown()) {
    // It was restarted, or began something else. Ask it anew.
    pace_.Cancel();
    transfer_->number = ++last_transfer_;
    transfer_->afresh = false;
    Offer();
  } else if (transfer_->stage == Stage::kOffering) {
    Watch();
    GoOnAt(ack.next(), ack.rows_hash());
  } else if (transfer_->stage == Stage::kSending) {
    Acknowledge(ack);
  }
}

void SnapshotSender::Acknowledge(const pb::SnapshotAck& ack) {
  Transfer& transfer = *transfer_;
  // The last piece stays, to ask again whether the peer has installed it all; any answer to it is progress.
  const std::uint64_t end = transfer.pin->next();
  const std::uint64_t keep = transfer.pin->at_end() ? end - 1 : end;
  const auto acked = transfer.window.lower_bound(std::min(ack.next(), keep));
  const bool all_arrived = transfer.pin->at_end() && ack.next() == end;
  if (acked == transfer.window.begin() && !all_arrived) return;
  for (auto piece = transfer.window.begin(); piece != acked; ++piece) transfer.window_bytes -= piece->second.size();
  transfer.window.erase(transfer.window.begin(), acked);
  transfer.progress_at = context_.Now();
  if (all_arrived) return;
  Watch();
  Fill();
}

}  // namespace metasrv::node
