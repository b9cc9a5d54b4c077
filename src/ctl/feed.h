#pragma once

#include <expected>
#include <string>

#include "backup/import.h"
#include "ctl/backup_file.h"
#include "ctl/progress.h"
#include "ctl/run.h"

namespace metasrv::ctl {

// Hands every line of the backup to `take`, showing how far it is. Errors: the first of the reader or of `take`.
std::expected<void, std::string> FeedLines(BackupReader& lines, const Terminal& terminal, const auto& take) {
  Progress progress(terminal.watched());
  const auto done = [&lines]() -> std::optional<double> {
    if (!lines.bytes_total()) return std::nullopt;
    return static_cast<double>(lines.bytes_read()) / static_cast<double>(*lines.bytes_total());
  };
  while (true) {
    const auto line = lines.Next();
    if (!line) return std::unexpected(line.error());
    if (!*line) return {};
    if (auto taken = take(**line); !taken) return std::unexpected(ToString(taken.error()));
    progress.Advance(done);
  }
}

// `error` with what to do next, for a backup that was refused. `untouched`: what is as it was before.
[[nodiscard]] std::string RefusedBackup(const std::string& error, const std::string& db, const std::string& untouched);

}  // namespace metasrv::ctl
