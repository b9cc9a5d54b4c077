#include <filesystem>
#include <fstream>

#include "common/check.h"
#include "io/real/rocks_log_store.h"
#include "tests/io/log_world.h"
#include "tests/support/lying_fs.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace fs = std::filesystem;
namespace {

class RocksLogWorld final : public LogWorld {
 public:
  explicit RocksLogWorld(std::uint64_t seed)
      : prng_(seed),
        keep_(seed % 2 == 0 ? LyingFs::Keep::kNothing : LyingFs::Keep::kPrefix),
        disk_(std::make_shared<LyingFs>(dir_ / "graveyard")),
        env_(NewEnvOver(disk_)) {}

  std::expected<void, io::Error> Open() override {
    CHECK(store_ == nullptr);
    io::RocksLogOptions options;
    options.directory = directory();
    options.env = env_.get();
    options.memtable_bytes = std::size_t{1} << 20U;  // also what is reserved for its write-ahead log
    auto opened = io::RocksLogStore::Open(options, loop_);
    if (!opened) return std::unexpected(opened.error());
    store_ = *std::move(opened);
    return {};
  }
  io::LogStore& store() override { return *store_; }
  void Close() override {
    store_.reset();
    loop_.Clear();
  }
  void Crash() override {
    disk_->PowerOff();
    Close();
    disk_->PowerOn(prng_, keep_);
  }
  void RunUntil(const std::function<bool()>& done) override { loop_.RunUntil(done); }

  void FailNextSync() override { disk_->FailNextSync(".log"); }
  void SetFull(bool full) override { disk_->SetFreeSpace(std::uint64_t{1} << (full ? 20U : 40U)); }
  // Flips one bit in the middle of the newest write-ahead log.
  void Damage() override {
    const fs::path victim = LargestLog();
    std::fstream file(victim, std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(fs::file_size(victim) / 2);
    file.seekg(middle);
    const char byte = static_cast<char>(file.get());
    file.seekp(middle);
    file.put(static_cast<char>(byte ^ 4));
    CHECK(file.good());
  }

 private:
  [[nodiscard]] std::string directory() const { return dir_ / "log"; }

  [[nodiscard]] fs::path LargestLog() const {
    fs::path largest;
    for (const auto& file : fs::directory_iterator(directory())) {
      if (file.path().extension() != ".log") continue;
      if (largest.empty() || file.file_size() > fs::file_size(largest)) largest = file.path();
    }
    return largest;
  }

  TempDir dir_;
  Prng prng_;
  LyingFs::Keep keep_;
  std::shared_ptr<LyingFs> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  PumpLoop loop_;
  std::unique_ptr<io::RocksLogStore> store_;
};

}  // namespace

std::unique_ptr<LogWorld> MakeRocksLogWorld(std::uint64_t seed) { return std::make_unique<RocksLogWorld>(seed); }

}  // namespace metasrv::test
