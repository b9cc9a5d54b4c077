#include "io/real/wal_tail.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/crc32c.h"
#include "io/real/rocks_status.h"

namespace metasrv::io {
namespace {

// RocksDB's format ("Write Ahead Log File Format" of its wiki): blocks of 32 KiB, in each of them fragments of records.
// A fragment has a header of masked checksum (4 bytes), length (2) and kind (1), little-endian, and never crosses
// blocks.
constexpr std::size_t kBlockBytes = std::size_t{32} << 10U;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kSectorBytes = 512;
enum : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Fragment {
  std::uint8_t kind = 0;
  std::size_t bytes = 0;  // with its header
};

std::size_t ClaimedBytes(std::string_view at) {
  const auto byte = [at](std::size_t i) { return std::size_t{static_cast<unsigned char>(at[i])}; };
  return kHeaderBytes + byte(4) + (byte(5) << 8U);
}

std::uint32_t Masked(std::uint32_t crc) { return std::rotr(crc, 15) + 0xa282ead8U; }

// The whole fragment at the beginning of `at`.
std::optional<Fragment> FragmentAt(std::string_view at) {
  if (at.size() < kHeaderBytes) return std::nullopt;
  const Fragment fragment{static_cast<std::uint8_t>(at[6]), ClaimedBytes(at)};
  if (fragment.kind < kFull || fragment.kind > kLast || fragment.bytes > at.size()) return std::nullopt;
  std::uint32_t stored = 0;
  std::memcpy(&stored, at.data(), sizeof(stored));
  if constexpr (std::endian::native == std::endian::big) stored = __builtin_bswap32(stored);
  if (stored != Masked(Crc32c(at.substr(6, fragment.bytes - 6)))) return std::nullopt;
  return fragment;
}

bool IsZero(std::string_view bytes) {
  return std::ranges::all_of(bytes, [](char byte) { return byte == 0; });
}

// Follows the records of a file, block by block.
class TailScan {
 public:
  // `block` is at `offset` of the file, and is shorter than a block only at the file's end.
  void Add(std::string_view block, std::uint64_t offset) {
    std::size_t at = 0;
    while (!broken_ && block.size() - at >= kHeaderBytes) {
      if (const auto fragment = FragmentAt(block.substr(at))) {
        at += fragment->bytes;
        if (fragment->kind == kFull || fragment->kind == kLast) end_ = offset + at;
      } else {
        Break(block, offset, at++);
      }
    }
    if (broken_) LookForLater(block.substr(at), offset + at);
  }

  // Where the last complete record ends.
  [[nodiscard]] std::uint64_t end() const { return end_; }

  // What a power cut can not have left, if anything.
  [[nodiscard]] std::optional<std::string> Damage() const {
    if (later_) return "damaged at byte " + Text(*broken_) + ", and a record begins at byte " + Text(*later_);
    if (broken_ && !torn_) return "damaged at byte " + Text(*broken_) + ", where nothing is missing";
    return std::nullopt;
  }

 private:
  static std::string Text(std::uint64_t number) { return std::to_string(number); }

  void Break(std::string_view block, std::uint64_t offset, std::size_t at) {
    broken_ = offset + at;
    const std::size_t end = at + ClaimedBytes(block.substr(at));
    torn_ = end > block.size() && block.size() < kBlockBytes;
    for (std::size_t begin = at; begin < std::min(end, block.size());) {
      const std::size_t next = std::min({(begin / kSectorBytes + 1) * kSectorBytes, end, block.size()});
      torn_ = torn_ || IsZero(block.substr(begin, next - begin));
      begin = next;
    }
  }

  // The beginning of another record anywhere in `bytes`: it was written after the broken one had been synced.
  void LookForLater(std::string_view bytes, std::uint64_t offset) {
    for (std::size_t at = 0; !later_ && at + kHeaderBytes <= bytes.size(); ++at) {
      if (bytes[at + 6] != kFull && bytes[at + 6] != kFirst) continue;
      if (FragmentAt(bytes.substr(at))) later_ = offset + at;
    }
  }

  std::uint64_t end_ = 0;
  std::optional<std::uint64_t> broken_;
  bool torn_ = false;
  std::optional<std::uint64_t> later_;
};

std::unexpected<Error> Failed(const rocksdb::Status& status, const std::string& what, const std::string& path) {
  return std::unexpected(ToError(status, what + " " + path));
}

std::optional<std::string> NewestWal(rocksdb::FileSystem& files, const std::string& directory) {
  std::vector<std::string> names;
  // No directory, no file: RocksDB makes both.
  if (!files.GetChildren(directory, {}, &names, nullptr).ok()) return std::nullopt;
  std::optional<std::pair<std::uint64_t, std::string>> newest;
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    const std::uint64_t number = std::strtoull(name.c_str(), nullptr, 10);
    if (number != 0 && (!newest || number > newest->first)) newest = {number, name};
  }
  if (!newest) return std::nullopt;
  return directory + "/" + newest->second;
}

std::expected<TailScan, Error> Scan(rocksdb::FileSystem& files, const std::string& path) {
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  rocksdb::IOStatus status = files.NewSequentialFile(path, {}, &file, nullptr);
  TailScan scan;
  std::vector<char> buffer(kBlockBytes);
  rocksdb::Slice block;
  std::uint64_t offset = 0;
  do {
    if (status.ok()) status = file->Read(kBlockBytes, {}, &block, buffer.data(), nullptr);
    if (!status.ok()) return Failed(status, "read", path);
    scan.Add({block.data(), block.size()}, offset);
    offset += block.size();
  } while (block.size() == kBlockBytes);
  return scan;
}

std::expected<void, Error> Cut(rocksdb::FileSystem& files, const std::string& path, std::uint64_t size) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  rocksdb::IOStatus status = files.ReopenWritableFile(path, {}, &file, nullptr);
  if (status.ok()) status = file->Truncate(size, {}, nullptr);
  if (status.ok()) status = file->Fsync({}, nullptr);
  if (status.ok()) status = file->Close({}, nullptr);
  if (!status.ok()) return Failed(status, "cut the unfinished end of", path);
  return {};
}

}  // namespace

std::expected<void, Error> CutWalTail(rocksdb::FileSystem& files, const std::string& directory) {
  const auto path = NewestWal(files, directory);
  if (!path) return {};
  const auto scan = Scan(files, *path);
  if (!scan) return std::unexpected(scan.error());
  if (const auto damage = scan->Damage()) return std::unexpected(Error{ErrorKind::kCorrupt, *path + ": " + *damage});
  std::uint64_t size = 0;
  if (const auto status = files.GetFileSize(*path, {}, &size, nullptr); !status.ok())
    return Failed(status, "read", *path);
  if (size == scan->end()) return {};
  return Cut(files, *path, scan->end());
}

}  // namespace metasrv::io
