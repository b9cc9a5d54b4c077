#include "sm/dedup.h"

#include <algorithm>
#include <utility>

#include "common/check.h"
#include "sm/layout.h"
#include "sm/row_codec.h"

namespace metasrv::sm {
namespace {

bool OutOfDate(std::uint64_t written_ms, std::uint64_t log_time_ms) {
  CHECK_LE(written_ms, log_time_ms);
  return log_time_ms - written_ms >= kRequestMemoryMs;
}

}  // namespace

bool IsRequestId(std::string_view id) {
  return !id.empty() && id.size() <= kRequestIdBytesMax &&
         std::ranges::all_of(id, [](char c) { return c > ' ' && c <= '~'; });
}

void KnownRequests::Load(const Reader& state) {
  oldest_.reset();
  places_.Clear();
  if (const auto row = state.Get(kRequestPlacesRow)) places_ = ParseRow<pb::RequestPlaces>(*row);
  CHECK_LE(places_.first(), places_.next());
}

void KnownRequests::Forget(Overlay& state, std::uint64_t log_time_ms) {
  int dropped = 0;
  while (dropped < kForgottenPerEntry && places_.first() < places_.next()) {
    LoadOldest(state);
    if (!OutOfDate(oldest_->time_ms(), log_time_ms)) break;
    DropOldest(state);
    ++dropped;
  }
  if (dropped > 0) StorePlaces(state);
}

std::optional<pb::AppliedState> KnownRequests::Find(const Overlay& state, std::string_view id,
                                                    std::uint64_t log_time_ms) const {
  const std::optional<std::string> row = state.GetRow(RequestRow(id));
  if (!row) return std::nullopt;
  auto known = ParseRow<pb::KnownRequest>(*row);
  if (OutOfDate(known.time_ms(), log_time_ms)) return std::nullopt;
  return std::move(*known.mutable_reply());
}

void KnownRequests::Remember(Overlay& state, const std::string& id, std::uint64_t log_time_ms,
                             const pb::AppliedState& reply) {
  pb::KnownRequest known;
  known.set_time_ms(log_time_ms);
  known.set_number(places_.next());
  *known.mutable_reply() = reply;
  state.PutRow(RequestRow(id), known.SerializeAsString());
  pb::RequestPlace place;
  place.set_time_ms(log_time_ms);
  place.set_id(id);
  place.set_bytes(reply.ByteSizeLong() + kKnownRequestCharge);
  state.PutRow(RequestPlaceRow(places_.next()), place.SerializeAsString());
  places_.set_next(places_.next() + 1);
  places_.set_bytes(places_.bytes() + place.bytes());
  while (TooMuch()) {
    LoadOldest(state);
    DropOldest(state);
  }
  StorePlaces(state);
  CHECK_LE(places_.next() - places_.first(), kKnownRequestsMax);
}

bool KnownRequests::TooMuch() const {
  const std::uint64_t count = places_.next() - places_.first();
  return count > kKnownRequestsMax || (count > 1 && places_.bytes() > kKnownRequestBytesMax);
}

void KnownRequests::LoadOldest(const Overlay& state) {
  if (oldest_) return;
  const std::optional<std::string> row = state.GetRow(RequestPlaceRow(places_.first()));
  CHECK(row.has_value());
  oldest_ = ParseRow<pb::RequestPlace>(*row);
}

void KnownRequests::DropOldest(Overlay& state) {
  const std::string name = RequestRow(oldest_->id());
  const std::optional<std::string> row = state.GetRow(name);
  // A name that was out of date may have been given to another write since.
  if (row && ParseRow<pb::KnownRequest>(*row).number() == places_.first()) state.DeleteRow(name);
  state.DeleteRow(RequestPlaceRow(places_.first()));
  places_.set_first(places_.first() + 1);
  CHECK_LE(oldest_->bytes(), places_.bytes());
  places_.set_bytes(places_.bytes() - oldest_->bytes());
  oldest_.reset();
}

void KnownRequests::StorePlaces(Overlay& state) const {
  state.PutRow(std::string(kRequestPlacesRow), places_.SerializeAsString());
}

}  // namespace metasrv::sm
