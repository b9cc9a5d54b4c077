#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
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
  explicit Exporter(Source source);
  ~Exporter();
  Exporter(Exporter&&) noexcept;
  Exporter& operator=(Exporter&&) noexcept;

  // Replaces `line` by the next line, without "\n"; false at the end. `line` keeps its capacity, so reuse it.
  [[nodiscard]] bool Next(std::string* line);

 private:
  enum class Stage;

  // Each returns whether it produced a line; false moves on to the next stage.
  bool Emit(const Record& record, std::string* line);
  bool EmitLogScalar(std::string* line);
  bool EmitEntry(std::string* line);
  bool EmitStateScalar(std::string* line);
  bool EmitRow(char table, std::string* line);
  [[nodiscard]] bool HasState() const;
  void Advance();

  Source source_;
  Stage stage_;
  std::size_t position_ = 0;  // within the stage
  std::unique_ptr<sm::Iterator> rows_;
};

}  // namespace metasrv::backup
