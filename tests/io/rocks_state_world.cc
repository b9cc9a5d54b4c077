#include "common/check.h"
#include "io/real/rocks_state_store.h"
#include "tests/io/state_world.h"
#include "tests/support/lying_fs.h"
#include "tests/support/pump_loop.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {
namespace {

class RocksStateWorld final : public StateWorld {
 public:
  explicit RocksStateWorld(std::uint64_t seed)
      : prng_(seed),
        keep_(seed % 2 == 0 ? LyingFs::Keep::kNothing : LyingFs::Keep::kPrefix),
        disk_(std::make_shared<LyingFs>(dir_ / "graveyard")),
        env_(NewEnvOver(disk_)) {}

  std::expected<void, io::Error> Open() override {
    CHECK(store_ == nullptr);
    io::RocksStateOptions options;
    options.directory = dir_ / "state";
    options.env = env_.get();
    options.memtable_bytes = std::size_t{64} << 10U;  // small, so that RocksDB flushes by itself, too
    auto opened = io::RocksStateStore::Open(options, loop_);
    if (!opened) return std::unexpected(opened.error());
    store_ = *std::move(opened);
    return {};
  }
  sm::Store& store() override { return *store_; }
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
  void FailNextSync() override { disk_->FailNextSync(".sst"); }

 private:
  TempDir dir_;
  Prng prng_;
  LyingFs::Keep keep_;
  std::shared_ptr<LyingFs> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  PumpLoop loop_;
  std::unique_ptr<io::RocksStateStore> store_;
};

}  // namespace

std::unique_ptr<StateWorld> MakeRocksStateWorld(std::uint64_t seed) { return std::make_unique<RocksStateWorld>(seed); }

}  // namespace metasrv::test
