#include "consensus/types.h"

#include <utility>

namespace metasrv {

Entry Entry::Blank(LogId id) {
  return {.id = id, .kind = EntryKind::kBlank, .payload = nullptr, .membership = nullptr};
}

Entry Entry::Normal(LogId id, std::string payload) {
  return {.id = id,
          .kind = EntryKind::kNormal,
          .payload = std::make_shared<const std::string>(std::move(payload)),
          .membership = nullptr};
}

Entry Entry::OfMembership(LogId id, Membership membership) {
  return {.id = id,
          .kind = EntryKind::kMembership,
          .payload = nullptr,
          .membership = std::make_shared<const Membership>(std::move(membership))};
}

std::size_t Entry::ByteSize() const {
  constexpr std::size_t kOverhead = 32;
  return kOverhead + (payload ? payload->size() : 0) + (membership ? 32 * membership->nodes.size() : 0);
}

bool operator==(const Entry& a, const Entry& b) {
  if (!(a.id == b.id) || a.kind != b.kind) return false;
  if ((a.payload == nullptr) != (b.payload == nullptr)) return false;
  if (a.payload && *a.payload != *b.payload) return false;
  if ((a.membership == nullptr) != (b.membership == nullptr)) return false;
  return !a.membership || (*a.membership == *b.membership && a.membership->identity == b.membership->identity);
}

}  // namespace metasrv
