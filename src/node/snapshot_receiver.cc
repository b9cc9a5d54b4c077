#include "node/snapshot_receiver.h"

#include <utility>
#include <vector>

#include "common/check.h"
#include "node/snapshot_sender.h"
#include "node/wire.h"

namespace metasrv::node {

SnapshotReceiver::SnapshotReceiver(Context& context, Pump& pump, sm::Machine& machine, SendAck send_ack,
                                   OnInstalled on_installed)
    : context_(context),
      pump_(pump),
      machine_(machine),
      send_ack_(std::move(send_ack)),
      on_installed_(std::move(on_installed)) {}

void SnapshotReceiver::OnChunk(NodeId from, pb::SnapshotChunk chunk) {
  if (stopped_) return;
  if (!Accepts(from, chunk)) return Refuse(from, chunk);
  if (transfer_->stage == Stage::kCollecting && chunk.number() == transfer_->next) Collect(chunk);
  if (!stopped_) Ack();
}

// Whether the piece belongs to the transfer at hand, which its first piece starts.
bool SnapshotReceiver::Accepts(NodeId from, const pb::SnapshotChunk& chunk) {
  const Term term(chunk.term());
  if (term < pump_.view().term) return false;
  const bool same =
      transfer_ && transfer_->from == from && transfer_->term == term && transfer_->number == chunk.transfer();
  if (same) return transfer_->stage != Stage::kUseless;
  // Consensus waits for a started installation; nothing may take its place.
  if (installing() || chunk.number() != 0) return false;
  transfer_.emplace(Transfer{});
  transfer_->from = from;
  transfer_->term = term;
  transfer_->number = chunk.transfer();
  transfer_->installer = context_.env.state_store.NewInstaller();
  return true;
}

void SnapshotReceiver::Collect(pb::SnapshotChunk& chunk) {
  std::vector<sm::Row> rows;
  rows.reserve(static_cast<std::size_t>(chunk.rows_size()));
  for (pb::StateRow& row : *chunk.mutable_rows()) {
    transfer_->rows_hash = HashRow(transfer_->rows_hash, row.key(), row.value());
    rows.emplace_back(std::move(*row.mutable_key()), std::move(*row.mutable_value()));
  }
  transfer_->installer->Add(std::move(rows));
  ++transfer_->next;
  if (chunk.has_done()) Complete(chunk.done());
}

void SnapshotReceiver::Complete(const pb::SnapshotDone& done) {
  auto meta = FromStored(done.has_last() ? std::optional(FromProto(done.last())) : std::nullopt, done.membership());
  if (!meta || !meta->last || done.rows_hash() != transfer_->rows_hash) {
    context_.Warn("snapshot from node " + std::to_string(transfer_->from.value()) + " is damaged");
    transfer_->stage = Stage::kUseless;
    return;
  }
  transfer_->meta = std::move(*meta);
  pump_.Feed(SnapshotReceived{transfer_->from, transfer_->term, transfer_->meta});
  if (stopped_ || transfer_->stage != Stage::kCollecting) return;
  // Consensus does not want it: the log may contain all of it, which is as good once it is durable.
  transfer_->installer.reset();
  const bool contained = pump_.raft().status().durable_end > transfer_->meta.last->index;
  transfer_->stage = contained ? Stage::kInstalled : Stage::kUseless;
}

void SnapshotReceiver::Install(const SnapshotMeta& meta) {
  CHECK(transfer_ && transfer_->stage == Stage::kCollecting);
  CHECK(transfer_->meta == meta);
  transfer_->stage = Stage::kInstalling;
  transfer_->installer->Commit(context_.lifetime.Guard([this](bool ok) { OnCommitted(ok); }));
}

void SnapshotReceiver::OnCommitted(bool ok) {
  if (!ok) return pump_.Fail("state store: installing a snapshot failed");
  if (stopped_) return;
  machine_.Reload();
  // The installer is kept: this may run inside its Commit.
  transfer_->stage = Stage::kInstalled;
  const SnapshotMeta meta = transfer_->meta;
  on_installed_(meta);
  pump_.Feed(SnapshotInstalled{meta});
  if (!stopped_) Ack();
}

void SnapshotReceiver::Ack() const {
  pb::SnapshotAck ack;
  ack.set_term(transfer_->term.value());
  ack.set_transfer(transfer_->number);
  ack.set_next(transfer_->next);
  ack.set_installed(transfer_->stage == Stage::kInstalled);
  ack.set_refused(transfer_->stage == Stage::kUseless);
  if (ack.installed()) *ack.mutable_last() = ToProto(*transfer_->meta.last);
  send_ack_(transfer_->from, std::move(ack));
}

void SnapshotReceiver::Refuse(NodeId to, const pb::SnapshotChunk& chunk) const {
  pb::SnapshotAck ack;
  ack.set_term(pump_.view().term.value());
  ack.set_transfer(chunk.transfer());
  ack.set_refused(true);
  send_ack_(to, std::move(ack));
}

}  // namespace metasrv::node
