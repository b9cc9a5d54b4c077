#include "sm/validate.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace metasrv::sm {
namespace {

bool IsTooDeep(const meta::BooleanExpression& expression, int room) {
  return room == 0 || std::ranges::any_of(expression.sub_expressions(),
                                          [room](const auto& child) { return IsTooDeep(child, room - 1); });
}

// A condition is a level of its own only here: it does not count.
bool IsTooDeep(const pb::Predicate& predicate, int room) {
  if (predicate.has_leaf()) return false;
  if (room == 0) return true;
  const auto too_deep = [room](const pb::Predicate& child) { return IsTooDeep(child, room - 1); };
  return std::ranges::any_of(predicate.all().children(), too_deep) ||
         std::ranges::any_of(predicate.any().children(), too_deep);
}

bool HasDeepPredicate(const pb::Command& command) {
  const auto is_deep = [](const auto& branch) { return IsTooDeep(branch.predicate(), kPredicateDepthMax); };
  return std::ranges::any_of(command.transaction().operations(), is_deep) ||
         std::ranges::any_of(command.kv_transaction().branches(), is_deep);
}

}  // namespace

std::optional<std::string> WhyInvalid(const pb::Command& command) {
  if (command.cmd_case() == pb::Command::CMD_NOT_SET) return "the command is empty or of an unknown kind";
  if (command.has_upsert_kv() && command.upsert_kv().value().kind_case() == pb::Operation::KIND_NOT_SET) {
    return "the upsert of '" + command.upsert_kv().key() + "' has no operation";
  }
  if (const auto port = command.add_node().node().port(); port > std::numeric_limits<std::uint16_t>::max()) {
    return "node " + std::to_string(command.add_node().node_id()) + " has the Raft port " + std::to_string(port) +
           "; ports end at 65535";
  }
  if (HasDeepPredicate(command)) {
    return "a predicate nests deeper than " + std::to_string(kPredicateDepthMax) + " levels; combine its parts flatly";
  }
  return std::nullopt;
}

}  // namespace metasrv::sm
