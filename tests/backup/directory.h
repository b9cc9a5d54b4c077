#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/exporter.h"
#include "backup/import.h"
#include "backup/recluster.h"
#include "backup/store_sink.h"
#include "io/log_store.h"
#include "sm/mem_store.h"

namespace metasrv::backup {

using Lines = std::vector<std::string>;

// A log store in memory that checks what the contract asks of its user.
class MemLogStore : public io::LogStore {
 public:
  [[nodiscard]] std::expected<io::LogContents, io::Error> Visit(const Visitor& visit) const override {
    io::LogContents rest = contents_;
    for (Entry& entry : std::exchange(rest.entries, {})) visit(std::move(entry));
    return rest;
  }
  void Read(LogIndex begin, LogIndex end, std::size_t bytes_max, ReadDone done) const override {
    done(io::SliceOf(contents_.entries, begin, end, bytes_max));
  }
  [[nodiscard]] std::unique_ptr<io::EntryCursor> Scan(LogIndex begin, LogIndex end) const override {
    return std::make_unique<io::VectorCursor>(io::SliceOf(contents_.entries, begin, end, SIZE_MAX));
  }
  void Write(io::LogBatch batch, Done done) override;
  [[nodiscard]] io::LogStats Stats() const override { return {}; }

 private:
  void Append(std::vector<Entry> entries);

  io::LogContents contents_;
};

// A directory as an import leaves it.
struct Directory {
  MemLogStore log;
  sm::MemStore state;
  ImportReport report;
};

// Imports the lines into a new directory. The error is the text that the operator sees.
std::expected<std::unique_ptr<Directory>, std::string> Import(const Lines& lines,
                                                              const std::optional<NewCluster>& new_cluster = {});

// Exports a directory; `id` stands in when it has none.
Lines Export(const Directory& directory, NodeId id = NodeId(0));

}  // namespace metasrv::backup
