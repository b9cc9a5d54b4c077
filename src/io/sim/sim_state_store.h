#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "io/sim/sim_disk.h"
#include "sm/store.h"

namespace metasrv::io {

// One process's handle on the state of a disk. At most one at a time. Installers must not outlive it.
class SimStateStore : public sm::Store {
 public:
  // `loop` runs the completions. Both outlive the store.
  SimStateStore(SimDisk& disk, EventLoop& loop);
  ~SimStateStore() override;
  SimStateStore(const SimStateStore&) = delete;
  SimStateStore& operator=(const SimStateStore&) = delete;

  [[nodiscard]] std::optional<std::string> Get(std::string_view key) const override;
  [[nodiscard]] std::unique_ptr<sm::Iterator> Scan(std::string_view lower, std::string_view upper) const override;
  [[nodiscard]] bool Write(sm::WriteBatch batch) override;
  void Flush(std::move_only_function<void(bool ok)> done) override;
  [[nodiscard]] std::shared_ptr<const sm::Snapshot> NewSnapshot() const override;
  // Requires: nothing is written between Commit and its answer.
  [[nodiscard]] std::unique_ptr<sm::Installer> NewInstaller() override;
  [[nodiscard]] std::optional<std::string> Staged() const override;
  [[nodiscard]] std::unique_ptr<sm::Installer> ResumeInstaller() override;

 private:
  class RowInstaller;

  SimDisk& disk_;
};

}  // namespace metasrv::io
