#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "consensus/types.h"

namespace metasrv {

// Which membership is in effect: the last one in the log, effective as soon as it is appended and undone when it is
// truncated (thesis §4.1); below the log, that of the state.
class MembershipHistory {
 public:
  MembershipHistory() = default;
  MembershipHistory(std::optional<LogId> base_id, Membership base);

  [[nodiscard]] const Membership& current() const;
  [[nodiscard]] std::optional<LogId> current_id() const;

  // How many entries at and after `index` change the members, as far as they are still known one by one; what only
  // records disks is no change (docs/decisions/0013).
  [[nodiscard]] std::size_t ChangesFrom(LogIndex index) const;
  // Whether `holds` is true of the membership that the entries before `end` put in effect, or of any later one.
  [[nodiscard]] bool AnyInEffectFrom(LogIndex end, const std::function<bool(const Membership&)>& holds) const;
  // The cluster that the entries before `end` belong to; 0: they do not say.
  [[nodiscard]] ClusterId ClusterAt(LogIndex end) const;

  void Append(const Entry& entry);    // Requires: a membership entry beyond all others
  void TruncateFrom(LogIndex index);  // Requires: not below the base
  // The state now covers the log up to `last`, with this membership.
  void Rebase(LogIndex last, std::optional<LogId> base_id, const Membership& base);

 private:
  friend class StateDigest;  // names every member, for the exhaustive test
  struct Item {
    LogId id;
    std::shared_ptr<const Membership> membership;
  };
  std::optional<LogId> base_id_;
  Membership base_;
  std::vector<Item> items_;
};

}  // namespace metasrv
