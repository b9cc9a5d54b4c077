#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "io/clock.h"
#include "server/config.h"
#include "server/metrics.h"

namespace metasrv::server {

// Judges the shared secret of incoming raft calls (config-and-cli.md §7.5). Thread-safe.
class RaftSecretGate {
 public:
  // `metrics` and `clock` must outlive the gate.
  RaftSecretGate(const RaftConfig& config, Metrics& metrics, const io::Clock& clock);

  // The text to refuse the call with, or nothing. `from` is gRPC's name of the peer.
  [[nodiscard]] std::optional<std::string> Check(const std::optional<std::string>& secret, const std::string& from);

 private:
  [[nodiscard]] bool IsAccepted(const std::string& secret) const;
  void WarnOnce(const char* reason, const std::string& from);

  const std::vector<std::string> accepted_;
  const bool strict_;
  Metrics& metrics_;
  const io::Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, Instant> next_warning_;  // by the peer's host
};

}  // namespace metasrv::server
