#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <istream>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "backup/parse.h"
#include "ctl/byte_stream.h"

namespace metasrv::ctl {

// A text that is read line by line while it is unpacked: from a file, or from standard input. zstd and gzip are known
// by their first bytes. Holds one line and one block at a time.
class BackupReader {
 public:
  // `db`: the file; empty: `otherwise`, which must outlive the reader.
  // Errors: it can not be opened or read; a file named ".zst" or ".gz" holds something else.
  [[nodiscard]] static std::expected<std::unique_ptr<BackupReader>, std::string> Open(
      const std::string& db, std::istream& otherwise, std::size_t line_bytes_max = backup::kLineBytesMax);

  // The next line without "\n", valid until the next call; none at the end.
  // Errors: it can not be read, or is damaged or cut short, or the line is too long; with the name of the file.
  [[nodiscard]] std::expected<std::optional<std::string_view>, std::string> Next();

  // "<stdin>" or the file's name.
  [[nodiscard]] const std::string& name() const { return name_; }
  // Bytes read so far, as they are in the file, and of how many; the latter is not known of a pipe.
  [[nodiscard]] std::uint64_t bytes_read() const { return *bytes_read_; }
  [[nodiscard]] std::optional<std::uint64_t> bytes_total() const { return bytes_total_; }
  // Whether the last line lacks its "\n", as when a text was cut short.
  [[nodiscard]] bool ends_within_a_line() const { return ends_within_a_line_; }

 private:
  BackupReader() = default;
  // Reads more behind what is there; false at the end.
  std::expected<bool, std::string> Fill();

  std::string name_;
  std::shared_ptr<std::uint64_t> bytes_read_ = std::make_shared<std::uint64_t>(0);
  std::optional<std::uint64_t> bytes_total_;
  std::unique_ptr<ByteSource> source_;
  std::size_t line_bytes_max_ = 0;
  std::uint64_t lines_ = 0;  // given out
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // of what was read and not yet given out
  std::size_t end_ = 0;
  bool ends_within_a_line_ = false;
};

// A text that is written line by line and packed by the name of its file: ".zst", ".gz". A regular file gets its name
// when it is complete and durable; until then, and after a failure, the lines so far are in "<db>.partial", and what
// had the name before stays.
class BackupWriter {
 public:
  // `db`: the file; empty: `otherwise`, which gets plain text and must outlive the writer.
  [[nodiscard]] static std::expected<std::unique_ptr<BackupWriter>, std::string> Open(const std::string& db,
                                                                                      std::ostream& otherwise);
  // Without Finish(): hands over the lines so far.
  ~BackupWriter();
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;

  // Adds the "\n".
  [[nodiscard]] std::expected<void, std::string> Write(std::string_view line);
  // Called once, last.
  [[nodiscard]] std::expected<void, std::string> Finish();

  // Where the lines of a failed export are; empty for standard output.
  [[nodiscard]] const std::string& partial_name() const { return partial_name_; }

 private:
  BackupWriter() = default;
  [[nodiscard]] std::expected<void, std::string> Flush();

  std::string partial_name_;
  std::unique_ptr<ByteSink> sink_;
  std::string block_;
  bool finished_ = false;
};

}  // namespace metasrv::ctl
