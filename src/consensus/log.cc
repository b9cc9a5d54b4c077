#include "consensus/log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/check.h"

namespace metasrv {

Log::Log(std::optional<LogId> purged, std::vector<Entry> entries) : purged_(purged) {
  if (purged_) begin_ = end_ = purged_->index.Next();
  for (Entry& entry : entries) Append(std::move(entry));
}

std::optional<LogId> Log::last() const { return begin_ == end_ ? purged_ : IdAt(end_.Prev()); }

std::optional<Term> Log::last_term() const {
  auto id = last();
  return id ? std::optional(id->term) : std::nullopt;
}

const Log::Run& Log::RunOf(LogIndex index) const {
  const auto after = std::upper_bound(runs_.begin(), runs_.end(), index,
                                      [](LogIndex wanted, const Run& run) { return wanted < run.first; });
  CHECK(after != runs_.begin());
  return *std::prev(after);
}

std::optional<LogId> Log::IdAt(LogIndex index) const {
  if (index >= begin_ && index < end_) {
    const Run& run = RunOf(index);
    return LogId{run.term, run.leader, index};
  }
  if (purged_ && purged_->index == index) return purged_;
  return std::nullopt;
}

std::optional<LogId> Log::IdBefore(LogIndex end) const { return end == LogIndex(0) ? std::nullopt : IdAt(end.Prev()); }

LogIndex Log::LastEndNotAfter(LogIndex limit, Term term) const {
  LogIndex candidate = std::min(limit, end_);
  while (candidate > begin_) {
    const Run& run = RunOf(candidate.Prev());
    if (run.term <= term) break;
    candidate = std::max(run.first, begin_);
  }
  return candidate;
}

const Entry& Log::At(LogIndex index) const {
  CHECK_GE(index, cached_begin());
  CHECK_LT(index, end_);
  return cache_[index.value() - cached_begin().value()];
}

std::vector<Entry> Log::Slice(LogIndex from, std::size_t count_max, std::size_t bytes_max) const {
  CHECK_GE(from, cached_begin());
  CHECK_LE(from, end_);
  std::vector<Entry> slice;
  std::size_t bytes = 0;
  for (LogIndex i = from; i < end_ && slice.size() < count_max; i = i.Next()) {
    const Entry& entry = At(i);
    bytes += entry.ByteSize();
    if (!slice.empty() && bytes > bytes_max) break;
    slice.push_back(entry);
  }
  return slice;
}

void Log::Append(Entry entry) {
  if (end_ == LogIndex(0) && !purged_) begin_ = end_ = entry.id.index;
  CHECK_EQ(entry.id.index, end_);
  if (auto term = last_term()) CHECK_GE(entry.id.term, *term);
  const bool continues = begin_ < end_ && runs_.back().term == entry.id.term && runs_.back().leader == entry.id.leader;
  if (!continues) runs_.push_back({end_, entry.id.term, entry.id.leader});
  end_ = end_.Next();
  cached_bytes_ += entry.ByteSize();
  cache_.push_back(std::move(entry));
}

void Log::TruncateFrom(LogIndex index) {
  CHECK_GE(index, begin_);
  CHECK_LE(index, end_);
  while (end_ > index && !cache_.empty()) {
    cached_bytes_ -= cache_.back().ByteSize();
    cache_.pop_back();
    end_ = end_.Prev();
  }
  end_ = index;
  while (!runs_.empty() && runs_.back().first >= end_) runs_.pop_back();
  CHECK(begin_ == end_ || !runs_.empty());
}

void Log::PurgeTo(LogId last) {
  CHECK_GE(last.index, begin_);
  CHECK_LT(last.index, end_);
  CHECK(IdAt(last.index) == last);
  purged_ = last;
  begin_ = last.index.Next();
  while (!runs_.empty() && (begin_ == end_ || (runs_.size() > 1 && runs_[1].first <= begin_))) runs_.pop_front();
  while (cached_begin() < begin_) {
    cached_bytes_ -= cache_.front().ByteSize();
    cache_.pop_front();
  }
}

void Log::Reset(LogId last) {
  CHECK_GE(last.index.Next(), begin_);  // a log never starts earlier than it did
  runs_.clear();
  cache_.clear();
  cached_bytes_ = 0;
  purged_ = last;
  begin_ = end_ = last.index.Next();
}

void Log::Anchor(LogId last) {
  CHECK(!purged_);
  if (begin_ == end_) begin_ = end_ = last.index.Next();
  CHECK_EQ(begin_, last.index.Next());
  purged_ = last;
}

void Log::Evict(LogIndex limit, const LogCacheLimits& limits) {
  while (!IsWithin(limits) && cached_begin() < limit) {
    cached_bytes_ -= cache_.front().ByteSize();
    cache_.pop_front();
  }
}

}  // namespace metasrv
