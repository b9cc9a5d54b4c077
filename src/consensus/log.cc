#include "consensus/log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/check.h"

namespace metasrv {

Log::Log(std::optional<LogId> purged, std::vector<Entry> entries) : purged_(purged) {
  if (purged_) begin_ = purged_->index.Next();
  if (!entries.empty()) {
    if (purged_) CHECK_EQ(entries.front().id.index, begin_);
    begin_ = entries.front().id.index;
  }
  for (Entry& entry : entries) Append(std::move(entry));
}

std::optional<LogId> Log::last() const { return entries_.empty() ? purged_ : std::optional(entries_.back().id); }

std::optional<Term> Log::last_term() const {
  auto id = last();
  return id ? std::optional(id->term) : std::nullopt;
}

const Entry& Log::At(LogIndex index) const {
  CHECK_GE(index, begin_);
  CHECK_LT(index, end());
  return entries_[index.value() - begin_.value()];
}

std::optional<LogId> Log::IdAt(LogIndex index) const {
  if (index >= begin_ && index < end()) return At(index).id;
  if (purged_ && purged_->index == index) return purged_;
  return std::nullopt;
}

std::optional<LogId> Log::IdBefore(LogIndex end) const { return end == LogIndex(0) ? std::nullopt : IdAt(end.Prev()); }

std::vector<Entry> Log::Slice(LogIndex from, std::size_t count_max, std::size_t bytes_max) const {
  CHECK_GE(from, begin_);
  std::vector<Entry> slice;
  std::size_t bytes = 0;
  for (LogIndex i = from; i < end() && slice.size() < count_max; i = i.Next()) {
    const Entry& entry = At(i);
    bytes += entry.ByteSize();
    if (!slice.empty() && bytes > bytes_max) break;
    slice.push_back(entry);
  }
  return slice;
}

LogIndex Log::LastEndNotAfter(LogIndex limit, Term term) const {
  LogIndex candidate = std::min(limit, end());
  while (candidate > begin_ && At(candidate.Prev()).id.term > term) candidate = candidate.Prev();
  return candidate;
}

void Log::Append(Entry entry) {
  CHECK_EQ(entry.id.index, end());
  if (auto term = last_term()) CHECK_GE(entry.id.term, *term);
  entries_.push_back(std::move(entry));
}

void Log::TruncateFrom(LogIndex index) {
  CHECK_GE(index, begin_);
  CHECK_LE(index, end());
  entries_.resize(index.value() - begin_.value());
}

void Log::PurgeTo(LogId last) {
  CHECK_GE(last.index, begin_);
  CHECK_LT(last.index, end());
  CHECK(At(last.index).id == last);
  auto count = static_cast<std::ptrdiff_t>(last.index.value() - begin_.value() + 1);
  entries_.erase(entries_.begin(), entries_.begin() + count);
  purged_ = last;
  begin_ = last.index.Next();
}

void Log::Reset(LogId last) {
  entries_.clear();
  purged_ = last;
  begin_ = last.index.Next();
}

}  // namespace metasrv
