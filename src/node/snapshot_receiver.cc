#include "node/snapshot_receiver.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/check.h"
#include "common/mutant.h"
#include "consensus/core.h"
#include "node/snapshot_pin.h"
#include "node/wire.h"

namespace metasrv::node {
namespace {

// What is staged becomes durable in steps of this share of it, so that a restart loses little of a small state and a
// large one is not flushed all the time.
constexpr std::uint64_t kFlushShare = 10;
constexpr std::uint64_t kFlushBytesMax = 64ULL << 20U;

std::optional<pb::SnapshotStaging> ParseStaging(const std::optional<std::string>& mark) {
  pb::SnapshotStaging staging;
  if (!mark || !staging.ParseFromString(*mark)) return std::nullopt;
  return staging;
}

}  // namespace

SnapshotReceiver::SnapshotReceiver(Context& context, Pump& pump, sm::Machine& machine, SendAck send_ack,
                                   OnInstalled on_installed)
    : context_(context),
      pump_(pump),
      machine_(machine),
      send_ack_(std::move(send_ack)),
      on_installed_(std::move(on_installed)),
      forget_(context.env.loop) {
  if (!context_.env.state_store.Staged()) return;
  forget_.Set(context_.Now() + context_.options.snapshot_pin_keep, [this] { Forget(); });
}

bool SnapshotReceiver::IsCurrent(NodeId from, std::uint64_t term, std::uint64_t number) const {
  return transfer_ && transfer_->from == from && transfer_->term == Term(term) && transfer_->number == number;
}

// A wrong state is replaced by one of the same index or a later one.
bool SnapshotReceiver::TooOld(const LogId& last) const {
  return pump_.raft().core().quarantined() && last.index.Next() < pump_.applied_end();
}

// What is committed and durable here is in the log or in the state, which is as good as the snapshot.
bool SnapshotReceiver::Contains(const LogId& last) const {
  if (pump_.raft().core().quarantined()) return false;
  const RaftStatus status = pump_.raft().status();
  return status.commit_end > last.index && status.durable_end > last.index;
}

void SnapshotReceiver::OnOffer(NodeId from, const pb::SnapshotOffer& offer) {
  // Consensus waits for a started installation; nothing may take its place. The sender will ask again.
  if (stopped_ || installing()) return;
  if (IsCurrent(from, offer.term(), offer.transfer())) return Ack();
  // One leader of one term lives once and counts upwards: this offer was on its way for long.
  const bool same_sender = transfer_ && transfer_->from == from && transfer_->term == Term(offer.term());
  if (same_sender && offer.transfer() < transfer_->number) return;
  const LogId last = FromProto(offer.snapshot().last());
  const bool contained = Contains(last);
  if (Term(offer.term()) < pump_.view().term || TooOld(last) || contained) {
    pb::SnapshotAck ack;
    ack.set_term(pump_.view().term.value());
    ack.set_transfer(offer.transfer());
    ack.set_refused(!contained);
    ack.set_installed(contained);
    if (contained) *ack.mutable_last() = ToProto(last);
    return send_ack_(from, std::move(ack));
  }
  Open(from, offer);
  Ack();
}

void SnapshotReceiver::Open(NodeId from, const pb::SnapshotOffer& offer) {
  if (transfer_ && transfer_->stage == Stage::kCollecting) EmitEnd(false);
  transfer_.reset();  // what it collected stays staged
  context_.Emit({TraceKind::kSnapshotReceiveStarted, from.value(), offer.snapshot().last().index(), {}});
  sm::Store& store = context_.env.state_store;
  Transfer& transfer = transfer_.emplace(Transfer{});
  transfer.from = from;
  transfer.term = Term(offer.term());
  transfer.number = offer.transfer();
  auto staged = ParseStaging(store.Staged());
  if (staged && SameId(staged->snapshot(), offer.snapshot()) && !offer.afresh()) {
    transfer.installer = store.ResumeInstaller();
    transfer.state_hash = sm::RowsHash(staged->state_hash());
    transfer.place = std::move(*staged);
    context_.Emit({TraceKind::kSnapshotReceiveResumed, from.value(), transfer.place.next(), {}});
    return;
  }
  transfer.installer = store.NewInstaller();
  *transfer.place.mutable_snapshot() = offer.snapshot();
}

void SnapshotReceiver::OnChunk(NodeId from, const pb::SnapshotChunk& chunk) {
  if (stopped_) return;
  if (!IsCurrent(from, chunk.term(), chunk.transfer())) {
    pb::SnapshotAck ack;
    ack.set_term(pump_.view().term.value());
    ack.set_transfer(chunk.transfer());
    ack.set_unknown(true);
    return send_ack_(from, std::move(ack));
  }
  if (!MutantOn(Mutant::kS02) && chunk.crc() != ChecksumOf(chunk)) {
    context_.Emit({TraceKind::kSnapshotChunkDamaged, from.value(), chunk.number(), {}});
    return;
  }
  if (transfer_->stage == Stage::kCollecting && chunk.number() == transfer_->place.next()) Collect(chunk);
  if (!stopped_) Ack();
}

void SnapshotReceiver::Collect(const pb::SnapshotChunk& chunk) {
  pb::StateRows pieces;
  if (!pieces.ParseFromString(chunk.rows())) return;
  std::vector<sm::Row> rows;
  rows.reserve(static_cast<std::size_t>(pieces.rows_size()));
  pb::SnapshotStaging& place = transfer_->place;
  std::uint64_t hash = place.rows_hash();
  std::uint64_t bytes = 0;
  for (pb::StateRow& row : *pieces.mutable_rows()) {
    hash = HashRow(hash, row.key(), row.value());
    transfer_->state_hash.Add(row.key(), row.value());
    bytes += row.key().size() + row.value().size();
    rows.emplace_back(std::move(*row.mutable_key()), std::move(*row.mutable_value()));
  }
  received_bytes_ += bytes;
  place.set_rows_hash(hash);
  place.set_state_hash(transfer_->state_hash.value());
  place.set_bytes(place.bytes() + bytes);
  place.set_next(place.next() + 1);
  // The last piece is not staged: whoever goes on needs at least one, to hear what the whole is.
  transfer_->installer->Add(std::move(rows), chunk.has_done() ? std::string() : place.SerializeAsString());
  forget_.Set(context_.Now() + context_.options.snapshot_pin_keep, [this] { Forget(); });
  if (chunk.has_done()) return Complete(chunk.done());
  FlushNowAndThen(bytes);
}

void SnapshotReceiver::FlushNowAndThen(std::uint64_t bytes) {
  transfer_->unflushed_bytes += bytes;
  const std::uint64_t enough = std::clamp<std::uint64_t>(transfer_->place.bytes() / kFlushShare,
                                                         2 * context_.options.snapshot_chunk_bytes, kFlushBytesMax);
  if (flushing_ || transfer_->unflushed_bytes < enough) return;
  flushing_ = true;
  transfer_->unflushed_bytes = 0;
  context_.env.state_store.Flush(context_.lifetime.Guard([this](bool ok) {
    flushing_ = false;
    if (!ok) pump_.Fail("state store: a flush failed");
  }));
}

bool SnapshotReceiver::IsWhole(const pb::SnapshotDone& done, const std::optional<SnapshotMeta>& meta) const {
  if (!meta || !meta->last) return false;
  if (MutantOn(Mutant::kS02)) return true;
  const pb::SnapshotStaging& place = transfer_->place;
  return *meta->last == FromProto(place.snapshot().last()) && done.rows_hash() == place.rows_hash() &&
         place.state_hash() == place.snapshot().state_hash();
}

void SnapshotReceiver::Complete(const pb::SnapshotDone& done) {
  auto meta = FromStored(done.has_last() ? std::optional(FromProto(done.last())) : std::nullopt, done.membership());
  if (!IsWhole(done, meta)) {
    context_.Warn("snapshot from node " + std::to_string(transfer_->from.value()) + " is damaged");
    context_.Emit({TraceKind::kSnapshotDamaged, transfer_->from.value(), transfer_->place.next(), {}});
    transfer_->damaged = true;
    return Discard(Stage::kUseless);
  }
  transfer_->meta = std::move(*meta);
  pump_.Feed(SnapshotReceived{transfer_->from, transfer_->term, transfer_->meta});
  if (stopped_ || transfer_->stage != Stage::kCollecting) return;
  // Consensus does not want it: the log may contain all of it, which is as good once it is durable.
  Discard(Contains(*transfer_->meta.last) ? Stage::kInstalled : Stage::kUseless);
}

void SnapshotReceiver::EmitEnd(bool arrived) const {
  context_.Emit({TraceKind::kSnapshotReceiveEnded, transfer_->from.value(), arrived ? 1U : 0U, {}});
}

void SnapshotReceiver::Discard(Stage stage) {
  EmitEnd(stage == Stage::kInstalled);
  transfer_->stage = stage;
  transfer_->installer.reset();
  Forget();
}

void SnapshotReceiver::Install(const SnapshotMeta& meta) {
  CHECK(transfer_ && transfer_->stage == Stage::kCollecting);
  CHECK(transfer_->meta == meta);
  transfer_->stage = Stage::kInstalling;
  forget_.Cancel();
  transfer_->installer->Commit(context_.lifetime.Guard([this](bool ok) { OnCommitted(ok); }));
}

void SnapshotReceiver::OnCommitted(bool ok) {
  if (!ok) return pump_.Fail("state store: installing a snapshot failed");
  if (stopped_) return;
  machine_.Reload();
  // The installer is kept: this may run inside its Commit.
  transfer_->stage = Stage::kInstalled;
  EmitEnd(true);
  const SnapshotMeta meta = transfer_->meta;
  on_installed_(meta);
  pump_.Feed(SnapshotInstalled{meta});
  if (!stopped_) Ack();
}

// Nobody has gone on with what is staged for a long time, or nobody ever will.
void SnapshotReceiver::Forget() {
  if (stopped_ || installing()) return;
  if (transfer_ && transfer_->stage == Stage::kCollecting) {
    EmitEnd(false);
    transfer_.reset();
  }
  if (context_.env.state_store.Staged()) static_cast<void>(context_.env.state_store.NewInstaller());
}

void SnapshotReceiver::Ack() const {
  if (!transfer_) return;
  pb::SnapshotAck ack;
  ack.set_term(transfer_->term.value());
  ack.set_transfer(transfer_->number);
  ack.set_next(transfer_->place.next());
  ack.set_rows_hash(transfer_->place.rows_hash());
  ack.set_installed(transfer_->stage == Stage::kInstalled);
  ack.set_refused(transfer_->stage == Stage::kUseless);
  ack.set_damaged(transfer_->damaged);
  if (ack.installed()) *ack.mutable_last() = ToProto(*transfer_->meta.last);
  send_ack_(transfer_->from, std::move(ack));
}

}  // namespace metasrv::node
