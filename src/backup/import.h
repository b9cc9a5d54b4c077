#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backup/parse.h"
#include "backup/recluster.h"
#include "backup/record.h"
#include "io/log_store.h"
#include "sm/state_hash.h"
#include "sm/store.h"

namespace metasrv::backup {

// Where an import goes: an empty log store and an empty state. Errors are texts for the operator and end the import.
class ImportSink {
 public:
  virtual ~ImportSink() = default;
  // The next change of the log, in order. Entries come in batches of bounded size.
  [[nodiscard]] virtual std::expected<void, std::string> WriteLog(io::LogBatch batch) = 0;
  // More rows of the state (sm/layout.h), in bounded batches; no row twice.
  [[nodiscard]] virtual std::expected<void, std::string> WriteState(std::vector<sm::Row> rows) = 0;
  // Whether an earlier WriteState brought this row. Only asked for documents whose records are not in order.
  [[nodiscard]] virtual bool HasRow(std::string_view key) const = 0;
};

// Sees every line that could be read, before the import judges it.
class LineObserver {
 public:
  virtual ~LineObserver() = default;
  virtual void See(std::uint64_t number, const Line& line) = 0;
};

// Why an import stopped.
struct ImportError {
  std::uint64_t line = 0;  // 1-based; 0 when no line is to blame
  std::size_t column = 0;  // 1-based byte position in it; that of its entry when the whole entry is to blame
  std::string reason;
};

// "<reason> (line 3, column 17)"; only the reason when no line is to blame.
[[nodiscard]] std::string ToString(const ImportError& error);

// What the operator is told (export-format.md §11.6).
struct ImportReport {
  std::string version;  // of the document
  std::uint64_t record_count = 0;
  std::optional<LogId> max_log_id;  // greatest of the imported entries
  std::optional<LogId> last_applied;
  std::uint64_t state_hash = 0;  // sm/state_hash.h
};

// Reads a document line by line into a sink, by the rules of export-format.md §11.2-§11.5, in bounded memory. Records
// may come in any order; one that comes twice is an error. After an error the sink holds a part of the document and
// should be thrown away.
class Importer {
 public:
  // Both must outlive the importer.
  explicit Importer(ImportSink& sink, LineObserver* observer = nullptr) : sink_(sink), observer_(observer) {}

  // Takes the next line, without "\n".
  [[nodiscard]] std::expected<void, ImportError> Add(std::string_view line);

  // Hands over the rest and the scalars; with `new_cluster` rewrites the cluster first (§12.2). Called once, last.
  [[nodiscard]] std::expected<ImportReport, ImportError> Finish(const std::optional<NewCluster>& new_cluster = {});

 private:
  using Status = std::expected<void, std::string>;

  // The scalars of the state and its node table, which are written last because the last line wins.
  struct StateScalars {
    std::uint64_t last_seq = 0;
    std::optional<LogId> last_applied;
    pb::StoredMembership membership;
    std::map<NodeId, meta::Node> nodes;
  };

  // Of the imported log, as far as it goes.
  struct LogEnds {
    std::optional<LogId> last;  // last entry that was not purged
    std::optional<LogId> purged;
    std::vector<LogId> leaders;  // of the entries since the log was last empty, the first one of each leader

    void Append(const LogId& id);
    // The entry after `index`, or the first one. Requires: there is one.
    [[nodiscard]] LogId After(LogIndex index) const;
  };

  Status TakeHeader(const Line& line);
  Status Route(Line line);
  Status TakeState(Record record);
  Status TakeLog(Record record);
  Status TakeVote(const std::optional<Vote>& vote);
  Status TakeCommitted(const std::optional<LogId>& id);
  Status TakePurged(const std::optional<LogId>& id);
  Status TakeEntry(Entry entry);
  Status TakeRow(std::string key, std::string value);

  static Status CheckIndex(const LogId& id);
  static Status CheckFollows(const LogId& before, const LogId& id);
  Status AppendEntry(Entry entry);
  Status ResetLog(const LogId& purged);
  Status PutRow(std::string key, std::string value);
  Status FlushLog(io::LogBatch batch = {});
  Status FlushRows();

  Status Recluster(const NewCluster& new_cluster);
  Status FinishState();
  Status FinishLog();

  ImportSink& sink_;
  LineObserver* observer_;
  LineParser parser_;
  std::uint64_t line_number_ = 0;
  ImportReport report_;
  StateScalars state_;
  LogEnds log_;
  std::optional<NodeId> node_id_;
  std::optional<Vote> vote_;
  std::optional<LogId> committed_;
  std::vector<Entry> entries_;  // not yet handed over
  std::size_t entry_bytes_ = 0;
  std::vector<sm::Row> rows_;  // not yet handed over
  std::size_t row_bytes_ = 0;
  std::map<char, std::string> greatest_row_;  // by table
  sm::RowsHash state_hash_;
};

}  // namespace metasrv::backup
