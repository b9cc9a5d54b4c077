#include "server/raft_secret.h"

#include "server/log.h"

namespace metasrv::server {
namespace {

constexpr Duration kWarningPause = Duration::Seconds(10);
constexpr std::size_t kWarnedHostsMax = 1024;

bool EqualInConstantTime(const std::string& a, const std::string& b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

// "10.0.0.1:5" from gRPC's "ipv4:10.0.0.1:5".
std::string AddressOf(const std::string& from) {
  const std::size_t scheme = from.find(':');
  return from.starts_with("ipv") ? from.substr(scheme + 1) : from;
}

}  // namespace

RaftSecretGate::RaftSecretGate(const RaftConfig& config, Metrics& metrics, const io::Clock& clock)
    : accepted_(config.raft_accepted_secrets),
      strict_(config.raft_secret_strict.value_or(false)),
      metrics_(metrics),
      clock_(clock) {}

std::optional<std::string> RaftSecretGate::Check(const std::optional<std::string>& secret, const std::string& from) {
  if (accepted_.empty() && !strict_) return std::nullopt;
  if (secret && IsAccepted(*secret)) return std::nullopt;
  const char* reason = secret ? "unaccepted" : "missing";
  if (strict_) return std::string("raft secret is ") + reason + ": from:" + AddressOf(from);
  metrics_.UnauthenticatedPassed(reason);
  WarnOnce(reason, from);
  return std::nullopt;
}

// Looks at every entry, so that the time taken does not tell which one fits.
bool RaftSecretGate::IsAccepted(const std::string& secret) const {
  bool accepted = false;
  for (const std::string& candidate : accepted_) accepted |= EqualInConstantTime(candidate, secret);
  return accepted;
}

void RaftSecretGate::WarnOnce(const char* reason, const std::string& from) {
  const std::string address = AddressOf(from);
  const std::string host = address.substr(0, address.rfind(':'));
  {
    const std::lock_guard lock(mutex_);
    if (next_warning_.size() >= kWarnedHostsMax) next_warning_.clear();
    Instant& next = next_warning_[host];
    const Instant now = clock_.Now();
    if (now < next) return;
    next = now + kWarningPause;
  }
  LogWarn(std::string("raft secret is ") + reason + ": from:" + address +
          ": accepted because `raft_secret_strict` is off; set `raft_secret` on that node");
}

}  // namespace metasrv::server
