#include "backup/store_sink.h"

#include <utility>

namespace metasrv::backup {

StoreSink::StoreSink(io::LogStore& log, sm::Store& state)
    : log_(log), state_(state), progress_(std::make_shared<Progress>()) {}

std::expected<void, std::string> StoreSink::WriteLog(io::LogBatch batch) {
  if (log_error().has_value()) return std::unexpected(log_error()->detail);
  ++progress_->pending;
  log_.Write(std::move(batch), [progress = progress_](std::expected<void, io::Error> result) {
    --progress->pending;
    if (!result.has_value() && !progress->error.has_value()) progress->error = std::move(result.error());
  });
  return {};
}

std::expected<void, std::string> StoreSink::WriteState(std::vector<sm::Row> rows) {
  sm::WriteBatch batch;
  for (auto& [key, value] : rows) batch.Put(std::move(key), std::move(value));
  if (!state_.Write(std::move(batch))) return std::unexpected("the state store refused a write");
  return {};
}

bool StoreSink::HasRow(std::string_view key) const { return state_.Get(key).has_value(); }

}  // namespace metasrv::backup
