#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "consensus/log.h"

namespace metasrv {
namespace {

Entry MakeEntry(std::uint64_t term, std::uint64_t index) {
  return Entry::Normal({Term(term), NodeId(1), LogIndex(index)}, std::to_string(term) + "/" + std::to_string(index));
}

// The model: a map from index to term, how far it was purged, and what may be in memory.
struct Model {
  std::map<std::uint64_t, std::uint64_t> terms;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

void ExpectSame(const Log& log, const Model& model) {
  RC_ASSERT(log.begin().value() == model.begin);
  RC_ASSERT(log.end().value() == model.end);
  for (std::uint64_t i = model.begin; i < model.end; ++i) {
    RC_ASSERT(log.IdAt(LogIndex(i)).has_value());
    RC_ASSERT(log.IdAt(LogIndex(i))->term.value() == model.terms.at(i));
    RC_ASSERT(log.IdAt(LogIndex(i))->index.value() == i);
  }
  RC_ASSERT(!log.IdAt(LogIndex(model.end)).has_value());
  RC_ASSERT(log.last().has_value() == (model.end > 0));
  RC_ASSERT(log.cached_begin() >= log.begin());
  std::size_t bytes = 0;
  for (LogIndex i = log.cached_begin(); i < log.end(); i = i.Next()) {
    RC_ASSERT(log.At(i) == MakeEntry(model.terms.at(i.value()), i.value()));
    bytes += log.At(i).ByteSize();
  }
  RC_ASSERT(bytes == log.cached_bytes());
}

RC_GTEST_PROP(Log, BehavesLikeAMapOfTermsByIndex, (const std::vector<std::uint8_t>& commands)) {
  Log log;
  Model model;
  std::uint64_t term = 1;
  for (std::uint8_t command : commands) {
    switch (command % 7) {
      case 0:
      case 1:
      case 2:
        term += command / 128;
        log.Append(MakeEntry(term, model.end));
        model.terms[model.end++] = term;
        break;
      case 3: {
        const std::uint64_t cut = model.begin + command % (model.end - model.begin + 1);
        log.TruncateFrom(LogIndex(cut));
        model.end = cut;
        break;
      }
      case 4: {
        if (model.end == model.begin) break;
        const std::uint64_t last = model.begin + command % (model.end - model.begin);
        log.PurgeTo(*log.IdAt(LogIndex(last)));
        model.begin = last + 1;
        break;
      }
      case 5:
      case 6: {
        const LogCacheLimits limits{.bytes_max = std::size_t{command} * 2, .items_max = std::size_t{command} / 16};
        const LogIndex limit(model.begin + command % (model.end - model.begin + 1));
        const LogIndex before = log.cached_begin();
        log.Evict(limit, limits);
        RC_ASSERT(log.IsWithin(limits) || log.cached_begin() >= limit);
        RC_ASSERT(log.cached_begin() == before || log.cached_begin() <= limit);
        break;
      }
    }
    ExpectSame(log, model);
  }
}

RC_GTEST_PROP(Log, HintIsTheLongestPrefixThatEndsInNoLaterTerm, (const std::vector<bool>& raises)) {
  Log log;
  std::uint64_t term = 1;
  for (bool raise : raises) {
    term += raise ? 1 : 0;
    log.Append(MakeEntry(term, log.end().value()));
  }
  const auto limit = *rc::gen::inRange<std::uint64_t>(0, raises.size() + 2);
  const auto asked = *rc::gen::inRange<std::uint64_t>(0, term + 2);
  log.Evict(log.end(), {.bytes_max = 0, .items_max = 0});
  const std::uint64_t end = log.LastEndNotAfter(LogIndex(limit), Term(asked)).value();
  RC_ASSERT(end <= limit);
  if (end > 0) RC_ASSERT(log.IdAt(LogIndex(end - 1))->term.value() <= asked);
  for (std::uint64_t longer = end + 1; longer <= std::min<std::uint64_t>(limit, raises.size()); ++longer) {
    RC_ASSERT(log.IdAt(LogIndex(longer - 1))->term.value() > asked);
  }
}

RC_GTEST_PROP(Log, SliceIsContiguousAndWithinItsLimits, (std::uint8_t size)) {
  Log log;
  for (std::uint64_t i = 0; i < size; ++i) log.Append(MakeEntry(1, i));
  const auto from = *rc::gen::inRange<std::uint64_t>(0, size + 1);
  const auto count_max = *rc::gen::inRange<std::size_t>(1, 300);
  const auto bytes_max = *rc::gen::inRange<std::size_t>(1, 2000);
  const auto slice = log.Slice(LogIndex(from), count_max, bytes_max);
  RC_ASSERT(slice.size() <= count_max);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < slice.size(); ++i) {
    RC_ASSERT(slice[i].id.index.value() == from + i);
    bytes += slice[i].ByteSize();
  }
  if (slice.size() > 1) RC_ASSERT(bytes <= bytes_max);
  if (slice.empty()) RC_ASSERT(from == size);
}

}  // namespace
}  // namespace metasrv
