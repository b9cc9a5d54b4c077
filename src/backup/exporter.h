#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "backup/record.h"
#include "sm/store.h"

namespace metasrv::backup {

// Everything a backup is made of, as of one moment: log and state agree with each other.
struct Source {
  NodeId node_id;
  std::optional<HardState> hard_state;
  std::optional<LogId> committed;
  std::optional<LogId> purged;
  std::vector<Entry> log;                   // contiguous, ascending
  std::shared_ptr<const sm::Reader> state;  // frozen
};

// Produces the lines of a complete backup one by one (export-format.md §10.2, spec ruling 2), holding one state row at
// a time. The state lines are left out only when the source never held anything (§10.6).
class Exporter {
 public:
  explicit Exporter(Source source) : source_(std::move(source)) {}

  // Replaces `line` by the next line, without "\n"; false at the end. `line` keeps its capacity, so reuse it.
  [[nodiscard]] bool Next(std::string* line);

 private:
  // The lines before the log entries, the entries, the whole-state scalars, then one table of rows after the other.
  enum class Stage { kLogScalars, kEntries, kStateScalars, kNodes, kExpire, kRecords, kEnd };

  // The next record of the present stage; none when the stage is done.
  [[nodiscard]] std::optional<Record> Produce();
  [[nodiscard]] std::optional<Record> LogScalar(std::size_t position) const;
  [[nodiscard]] std::optional<Record> StateScalar(std::size_t position) const;
  [[nodiscard]] std::optional<Record> NextRow(char table);
  [[nodiscard]] bool HasState() const;
  [[nodiscard]] Stage After(Stage stage) const;

  Source source_;
  Stage stage_ = Stage::kLogScalars;
  std::size_t position_ = 0;  // within a stage of scalars or entries
  std::unique_ptr<sm::Iterator> rows_;
};

}  // namespace metasrv::backup
