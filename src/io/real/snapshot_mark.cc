#include "io/real/snapshot_mark.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

namespace metasrv::io {
namespace fs = std::filesystem;

std::expected<void, Error> MarkSnapshot(const std::string& directory, const std::string& id) {
  const fs::path mark = fs::path(directory) / (id + ".snap");
  std::ofstream file(mark);
  file << "The state of this snapshot is in ../state; `databend-metactl export` reads it.\n";
  file.close();
  if (!file) {
    const ErrorKind kind = errno == ENOSPC || errno == EDQUOT ? ErrorKind::kNoSpace : ErrorKind::kIo;
    return std::unexpected(Error{kind, "write " + mark.string() + ": " + std::strerror(errno)});
  }
  std::error_code ignored;
  std::vector<fs::path> older;
  for (fs::directory_iterator it(directory, ignored), end; !ignored && it != end; it.increment(ignored)) {
    if (it->path().extension() == ".snap" && it->path() != mark) older.push_back(it->path());
  }
  for (const fs::path& path : older) fs::remove(path, ignored);
  return {};
}

}  // namespace metasrv::io
