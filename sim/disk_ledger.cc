#include "sim/disk_ledger.h"

#include <algorithm>

#include "common/check.h"

namespace metasrv::sim {

void LogOutline::Apply(const io::LogBatch& batch) {
  if (batch.hard_state) hard_state_ = *batch.hard_state;
  if (batch.reset_to) {
    terms_.clear();
    purged_ = *batch.reset_to;
    begin_ = purged_->index.Next();
  }
  if (batch.truncate_from) CutAt(*batch.truncate_from);
  for (const Entry& entry : batch.append) {
    CutAt(entry.id.index);  // K5: an append at an existing index replaces what follows
    if (terms_.empty() && entry.id.index > begin_) begin_ = entry.id.index;
    terms_.push_back(entry.id.term);
  }
  if (batch.purge_to) {
    for (; !terms_.empty() && begin_ <= batch.purge_to->index; begin_ = begin_.Next()) terms_.pop_front();
    purged_ = *batch.purge_to;
    begin_ = std::max(begin_, purged_->index.Next());
  }
}

void LogOutline::CutAt(LogIndex index) {
  const std::uint64_t keep = index <= begin() ? 0 : index.value() - begin().value();
  if (keep < terms_.size()) terms_.resize(keep);
}

std::optional<Term> LogOutline::TermAt(LogIndex index) const {
  if (purged_ && purged_->index == index) return purged_->term;
  if (index < begin() || index >= end()) return std::nullopt;
  return terms_[index.value() - begin().value()];
}

bool LogOutline::Covers(LogId id) const {
  if (const auto term = TermAt(id.index)) return term == id.term;
  return id.index < begin_;
}

io::LogBatch WithoutPayloads(const io::LogBatch& batch) {
  io::LogBatch bare = batch;
  for (Entry& entry : bare.append) {
    entry.payload.reset();
    entry.membership.reset();
  }
  return bare;
}

void DiskLedger::Recover(const io::LogContents& contents) {
  io::LogBatch all;
  all.hard_state = contents.hard_state;
  all.reset_to = contents.purged;
  all.append = contents.entries;
  durable_ = LogOutline();
  durable_.Apply(all);
  issued_ = durable_;
  pending_.clear();
}

void DiskLedger::Issue(const io::LogBatch& batch) {
  issued_.Apply(batch);
  pending_.push_back(WithoutPayloads(batch));
}

void DiskLedger::Complete() {
  CHECK(!pending_.empty());
  durable_.Apply(pending_.front());
  pending_.pop_front();
}

bool DiskLedger::SurvivesCrash(LogId id) const {
  if (state_ && id <= *state_) return true;
  if (!durable_.Covers(id)) return false;
  if (pending_.empty()) return true;
  // A crash keeps any prefix of the pending batches, so each of these images has to hold the entry.
  LogOutline image = durable_;
  for (const io::LogBatch& batch : pending_) {
    image.Apply(batch);
    if (!image.Covers(id)) return false;
  }
  return true;
}

}  // namespace metasrv::sim
