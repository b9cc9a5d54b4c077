#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "ctl/byte_stream.h"

namespace metasrv::ctl {

// How a backup is compressed.
enum class Packing : std::uint8_t { kNone, kZstd, kGzip };

// By the end of a file's name: ".zst", ".gz".
[[nodiscard]] Packing PackingOfName(std::string_view file);
// By the first bytes of the content, which should be at least kMagicBytes; a backup itself never begins like that.
inline constexpr std::size_t kMagicBytes = 4;
[[nodiscard]] Packing PackingOfContent(std::string_view first_bytes);
// "zstd", "gzip". Requires: not kNone.
[[nodiscard]] std::string_view ToString(Packing packing);

// Unpacks as it is read; several archives one after the other are one stream. The last Read tells whether the archive
// was whole. Errors: the archive is damaged or cut short.
[[nodiscard]] std::unique_ptr<ByteSource> Unpack(Packing packing, std::unique_ptr<ByteSource> packed);

// Packs as it is written, with a checksum of the content.
[[nodiscard]] std::unique_ptr<ByteSink> Pack(Packing packing, std::unique_ptr<ByteSink> target);

}  // namespace metasrv::ctl
