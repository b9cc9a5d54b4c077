#include "sm/predicate.h"

#include <compare>
#include <cstdint>

namespace metasrv::sm {
namespace {

bool Satisfies(std::strong_ordering order, meta::TxnCondition::ConditionResult expected) {
  switch (expected) {
    case meta::TxnCondition::NE: return order != 0;
    case meta::TxnCondition::LT: return order < 0;
    case meta::TxnCondition::LE: return order <= 0;
    case meta::TxnCondition::GT: return order > 0;
    case meta::TxnCondition::GE: return order >= 0;
    default: return order == 0;  // an unknown number reads as EQ (§7.2)
  }
}

// Any: true as soon as one child is; all: false as soon as one is not.
template <class Children>
bool Decides(Overlay& state, const Children& children, bool wanted) {
  for (const auto& child : children) {
    if (Holds(state, child) == wanted) return true;
  }
  return false;
}

}  // namespace

bool Holds(Overlay& state, const meta::TxnCondition& condition) {
  switch (condition.target_case()) {
    case meta::TxnCondition::kSeq: {
      const meta::SeqV* record = state.FindRecord(condition.key());
      const std::uint64_t seq = record == nullptr ? 0 : record->seq();
      return Satisfies(seq <=> condition.seq(), condition.expected());
    }
    case meta::TxnCondition::kValue: {
      const meta::SeqV* record = state.FindRecord(condition.key());
      return record != nullptr && Satisfies(record->data() <=> condition.value(), condition.expected());
    }
    case meta::TxnCondition::kKeysWithPrefix: {
      const std::uint64_t wanted = condition.keys_with_prefix();
      // Counting past wanted + 1 cannot change the answer.
      const std::uint64_t count = state.CountKeys(condition.key(), wanted == UINT64_MAX ? wanted : wanted + 1);
      return Satisfies(count <=> wanted, condition.expected());
    }
    case meta::TxnCondition::TARGET_NOT_SET: return false;
  }
  return false;
}

bool Holds(Overlay& state, const meta::BooleanExpression& expression) {
  if (expression.sub_expressions().empty() && expression.conditions().empty()) return true;
  const bool any = expression.operator_() == meta::BooleanExpression::OR;
  const bool decided =
      Decides(state, expression.sub_expressions(), any) || Decides(state, expression.conditions(), any);
  return decided ? any : !any;
}

bool Holds(Overlay& state, const pb::Predicate& predicate) {
  switch (predicate.node_case()) {
    case pb::Predicate::kLeaf: return Holds(state, predicate.leaf());
    case pb::Predicate::kAll: return !Decides(state, predicate.all().children(), false);
    case pb::Predicate::kAny:
      return predicate.any().children().empty() || Decides(state, predicate.any().children(), true);
    case pb::Predicate::NODE_NOT_SET: return true;
  }
  return true;
}

}  // namespace metasrv::sm
