#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>

namespace metasrv::ctl {

// Bytes that come one block after the other. Errors are texts for the operator and end the stream.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the beginning of `to`, which is not empty; 0 only at the end.
  [[nodiscard]] virtual std::expected<std::size_t, std::string> Read(std::span<char> to) = 0;
};

// Where bytes go one block after the other.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  [[nodiscard]] virtual std::expected<void, std::string> Write(std::string_view bytes) = 0;
  // Writes what ends the stream, and everything that was held back. Called once, last.
  [[nodiscard]] virtual std::expected<void, std::string> Finish() = 0;
};

}  // namespace metasrv::ctl
