#include "io/log_store.h"

namespace metasrv::io {

std::expected<LogContents, Error> LogStore::Load() const {
  std::vector<Entry> entries;
  auto contents = Visit([&entries](Entry entry) { entries.push_back(std::move(entry)); });
  if (contents) contents->entries = std::move(entries);
  return contents;
}

std::vector<Entry> SliceOf(const std::vector<Entry>& entries, LogIndex begin, LogIndex end, std::size_t bytes_max) {
  std::vector<Entry> slice;
  if (entries.empty() || begin < entries.front().id.index) return slice;
  std::size_t bytes = 0;
  for (std::size_t i = begin.value() - entries.front().id.index.value(); i < entries.size(); ++i) {
    bytes += entries[i].ByteSize();
    if (entries[i].id.index >= end || (!slice.empty() && bytes > bytes_max)) break;
    slice.push_back(entries[i]);
  }
  return slice;
}

}  // namespace metasrv::io
