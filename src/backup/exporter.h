#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "backup/record.h"
#include "io/log_store.h"
#include "sm/store.h"

namespace metasrv::backup {

// Everything a backup is made of, as of one moment: log and state agree with each other.
struct Source {
  NodeId node_id;
  std::optional<HardState> hard_state;
  std::optional<LogId> committed;
  std::optional<LogId> purged;
  std::unique_ptr<io::EntryCursor> log;     // contiguous, ascending; null: no entries
  std::shared_ptr<const sm::Reader> state;  // frozen
};

// Produces the lines of a complete backup one by one (export-format.md §10.2, spec ruling 2), holding one state row or
// log entry at a time. The state lines are left out only when the source never held anything (§10.6).
class Exporter {
 public:
  explicit Exporter(Source source);

  // Replaces `line` by the next line, without "\n"; false at the end. `line` keeps its capacity, so reuse it.
  [[nodiscard]] bool Next(std::string* line);

 private:
  // The lines before the log entries, the entries, the whole-state scalars, then one table of rows after the other.
  enum class Stage { kLogScalars, kEntries, kStateScalars, kNodes, kExpire, kRecords, kEnd };

  [[nodiscard]] std::optional<Entry> NextEntry() { return source_.log ? source_.log->Next() : std::nullopt; }
  // The next record of the present stage; none when the stage is done.
  [[nodiscard]] std::optional<Record> Produce();
  [[nodiscard]] std::optional<Record> LogScalar(std::size_t position) const;
  [[nodiscard]] std::optional<Record> StateScalar(std::size_t position) const;
  [[nodiscard]] std::optional<Record> NextRow(char table);
  [[nodiscard]] bool HasState() const;
  [[nodiscard]] Stage After(Stage stage) const;

  Source source_;
  Stage stage_ = Stage::kLogScalars;
  std::size_t position_ = 0;    // within a stage of scalars or entries
  std::optional<Entry> entry_;  // the next one
  bool has_entries_ = false;
  std::unique_ptr<sm::Iterator> rows_;
};

}  // namespace metasrv::backup
