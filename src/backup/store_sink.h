#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/import.h"
#include "io/log_store.h"
#include "sm/store.h"

namespace metasrv::backup {

// Imports into a log store and a state store that hold nothing yet. Writes are not waited for one by one; the caller
// makes them durable at the end (LogStore completes in order, Store::Flush) and then asks log_error().
class StoreSink : public ImportSink {
 public:
  // Both must outlive the sink.
  StoreSink(io::LogStore& log, sm::Store& state);

  std::expected<void, std::string> WriteLog(io::LogBatch batch) override;
  std::expected<void, std::string> WriteState(std::vector<sm::Row> rows) override;
  bool HasRow(std::string_view key) const override;

  // Log writes that have not completed; the caller may run its loop until this is small.
  [[nodiscard]] std::size_t log_writes_pending() const { return progress_->pending; }
  // The first error of a completed log write.
  [[nodiscard]] const std::optional<io::Error>& log_error() const { return progress_->error; }

 private:
  // Outlives the sink when the store completes late.
  struct Progress {
    std::size_t pending = 0;
    std::optional<io::Error> error;
  };

  io::LogStore& log_;
  sm::Store& state_;
  std::shared_ptr<Progress> progress_;
};

}  // namespace metasrv::backup
