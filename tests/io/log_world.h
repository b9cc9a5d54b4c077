#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/prng.h"
#include "io/log_store.h"

// What the contract tests of io::LogStore need: a disk with faults, short forms and a model.
namespace metasrv::test {

// One disk, and the process that may be using it.
class LogWorld {
 public:
  virtual ~LogWorld() = default;

  // Starts a process on the disk. Requires: none is running.
  [[nodiscard]] virtual std::expected<void, io::Error> Open() = 0;
  // Of the running process.
  [[nodiscard]] virtual io::LogStore& store() = 0;
  // Ends the process in good order.
  virtual void Close() = 0;
  // Cuts the power: what was not durable may be gone.
  virtual void Crash() = 0;
  // Runs the process's event loop until `done()` holds.
  virtual void RunUntil(const std::function<bool()>& done) = 0;

  virtual void FailNextSync() = 0;
  // A full disk has no room for more entries; what a node needs besides still fits.
  virtual void SetFull(bool full) = 0;
  // Damages something that was durable. Requires: no process is running.
  virtual void Damage() = 0;
};

using MakeLogWorld = std::unique_ptr<LogWorld> (*)(std::uint64_t seed);

using Outcome = std::expected<void, io::Error>;

// --- Short forms ---

inline LogId IdAt(std::uint64_t term, std::uint64_t index) { return {Term(term), NodeId(term + 1), LogIndex(index)}; }

inline Entry TextEntry(std::uint64_t term, std::uint64_t index, std::string text) {
  return Entry::Normal(IdAt(term, index), std::move(text));
}

// Entries [first, first + count) whose payloads say what they are.
inline std::vector<Entry> TextEntries(std::uint64_t term, std::uint64_t first, std::uint64_t count) {
  std::vector<Entry> entries;
  for (std::uint64_t index = first; index < first + count; ++index) {
    entries.push_back(TextEntry(term, index, std::to_string(term) + "/" + std::to_string(index)));
  }
  return entries;
}

inline io::LogBatch Appending(std::vector<Entry> entries) {
  io::LogBatch batch;
  batch.append = std::move(entries);
  return batch;
}

inline io::LogBatch Voting(std::uint64_t term, std::uint64_t candidate) {
  io::LogBatch batch;
  batch.hard_state = HardState{.term = Term(term), .voted_for = NodeId(candidate), .leader_established = false};
  return batch;
}

// What a log holds, as one text that is easy to compare and to read.
inline std::string Show(const std::optional<LogId>& id) { return id ? ToString(*id) : "-"; }

inline std::string Show(const Entry& entry) {
  std::string text = ToString(entry.id) + "=";
  if (entry.kind == EntryKind::kBlank) return text + "blank";
  if (entry.kind == EntryKind::kMembership) return text + ToString(*entry.membership);
  if (entry.payload->size() <= 32) return text + *entry.payload;
  return text + std::to_string(entry.payload->size()) + "#" + std::to_string(Hash64(*entry.payload));
}

inline std::string Show(const io::LogContents& log) {
  std::string text = "node " + (log.node_id ? std::to_string(log.node_id->value()) : "-");
  if (log.hard_state) {
    text += " term " + std::to_string(log.hard_state->term.value());
    if (log.hard_state->voted_for) text += " for " + std::to_string(log.hard_state->voted_for->value());
    if (log.hard_state->leader_established) text += " established";
  }
  text += " committed " + Show(log.committed) + " purged " + Show(log.purged) + ":";
  for (const Entry& entry : log.entries) text += " " + Show(entry);
  return text;
}

// What a log should hold: the plainest possible one.
class LogModel {
 public:
  void Apply(const io::LogBatch& batch) {
    if (batch.node_id) log_.node_id = batch.node_id;
    if (batch.hard_state) log_.hard_state = batch.hard_state;
    if (batch.committed) log_.committed = batch.committed;
    if (batch.reset_to) {
      log_.entries.clear();
      log_.purged = batch.reset_to;
    }
    if (batch.truncate_from) {
      std::erase_if(log_.entries, [&](const Entry& entry) { return entry.id.index >= *batch.truncate_from; });
    }
    log_.entries.insert(log_.entries.end(), batch.append.begin(), batch.append.end());
    if (batch.purge_to && (!log_.purged || log_.purged->index < batch.purge_to->index)) {
      std::erase_if(log_.entries, [&](const Entry& entry) { return entry.id.index <= batch.purge_to->index; });
      log_.purged = batch.purge_to;
    }
  }

  [[nodiscard]] std::uint64_t first() const { return log_.purged ? log_.purged->index.value() + 1 : 0; }
  [[nodiscard]] std::uint64_t end() const { return first() + log_.entries.size(); }
  [[nodiscard]] std::uint64_t term() const {
    if (!log_.entries.empty()) return log_.entries.back().id.term.value();
    return log_.purged ? log_.purged->term.value() : 0;
  }
  // Requires: the entry is there.
  [[nodiscard]] LogId At(std::uint64_t index) const { return log_.entries[index - first()].id; }
  [[nodiscard]] std::string text() const { return Show(log_); }

 private:
  io::LogContents log_;
};

// Random batches as a node would issue them, kept in step with the model that has applied all of them.
inline io::LogBatch RandomBatch(Prng& prng, const LogModel& model) {
  io::LogBatch batch;
  const std::uint64_t term = model.term() + prng.Below(2);
  std::uint64_t end = model.end();
  if (prng.Chance(300'000)) batch.hard_state = HardState{Term(term), NodeId(prng.Below(3)), prng.Chance(500'000)};
  if (prng.Chance(200'000)) batch.committed = IdAt(term, prng.Below(end + 1));
  if (prng.Chance(30'000)) batch.node_id = NodeId(prng.Below(9));
  const bool has_entries = end > model.first();
  if (has_entries && prng.Chance(150'000)) batch.purge_to = model.At(prng.Between(model.first(), end - 1));
  if (prng.Chance(30'000)) {
    batch.reset_to = IdAt(term, end + prng.Below(5));
    batch.purge_to.reset();
    end = batch.reset_to->index.value() + 1;
  } else if (has_entries && !batch.purge_to && prng.Chance(200'000)) {
    end = prng.Between(model.first(), end - 1);
    batch.truncate_from = LogIndex(end);
  }
  for (std::uint64_t left = prng.Below(4); left > 0; --left, ++end) {
    batch.append.push_back(TextEntry(term, end, std::string(prng.Below(300), static_cast<char>('a' + end % 26))));
  }
  return batch;
}

// RocksLogStore on a file system that loses what was not synced.
[[nodiscard]] std::unique_ptr<LogWorld> MakeRocksLogWorld(std::uint64_t seed);
// SimLogStore on a simulated disk.
[[nodiscard]] std::unique_ptr<LogWorld> MakeSimLogWorld(std::uint64_t seed);

}  // namespace metasrv::test
