#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "log.pb.h"
#include "sm/overlay.h"
#include "sm/store.h"

namespace metasrv::sm {

inline constexpr std::size_t kRequestIdBytesMax = 64;
// How long a write is known after it, in log time.
inline constexpr std::uint64_t kRequestMemoryMs = 600'000;
inline constexpr std::uint64_t kKnownRequestsMax = 100'000;
// What all of them may take together, each with its reply and a flat charge; the newest one may be larger.
inline constexpr std::uint64_t kKnownRequestBytesMax = 64ULL * 1024 * 1024;
inline constexpr std::uint64_t kKnownRequestCharge = 256;
// An entry removes at most so many requests that are out of date, and more only to make room for its own.
inline constexpr int kForgottenPerEntry = 8;

// Whether a client may name a write so: 1 to 64 visible ASCII characters.
[[nodiscard]] bool IsRequestId(std::string_view id);

// The writes that clients named (decision 0020; thesis §6.3, without sessions): a name that is known makes a command
// answer as it did the first time instead of being applied again. A name is known for kRequestMemoryMs, unless
// kKnownRequestsMax newer ones push it out, or it and the newer ones take more than kKnownRequestBytesMax.
//
// All of it is rows of the state, which change only in entries and depend on nothing but the entries before; this
// object caches the ends of the queue. Out-of-date rows are removed a few per entry, and are not known meanwhile.
class KnownRequests {
 public:
  // Reads the ends of the queue; also after the state was replaced.
  void Load(const Reader& state);

  // Removes up to kForgottenPerEntry requests that are out of date. Costs nothing when nothing is known.
  // Requires, here and below: `log_time_ms` never decreases.
  void Forget(Overlay& state, std::uint64_t log_time_ms);

  // The first reply to the write of this name; none when it is not known.
  [[nodiscard]] std::optional<pb::AppliedState> Find(const Overlay& state, std::string_view id,
                                                     std::uint64_t log_time_ms) const;

  // Requires: Find() finds nothing.
  void Remember(Overlay& state, const std::string& id, std::uint64_t log_time_ms, const pb::AppliedState& reply);

 private:
  void LoadOldest(const Overlay& state);
  void DropOldest(Overlay& state);
  [[nodiscard]] bool TooMuch() const;
  void StorePlaces(Overlay& state) const;

  pb::RequestPlaces places_;
  std::optional<pb::RequestPlace> oldest_;  // of places_.first(), once it was read
};

}  // namespace metasrv::sm
