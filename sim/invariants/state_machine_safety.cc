#include "sim/invariants/state_machine_safety.h"

#include "sim/invariants/node_view.h"

namespace metasrv::sim {

void StateMachineSafety::OnState(NodeId node, LogId last, std::uint64_t row_sum) {
  history_.AdvanceTo(last);
  if (verdict_.failed()) return;
  const History::Step& step = history_.At(last.index);
  if (step.id.term != last.term) {
    verdict_.Broken(kStateMachineSafety,
                    Name(node) + " applies " + ToString(last) + " where " + ToString(step.id) + " was applied before");
  } else if (step.row_sum != row_sum) {
    verdict_.Broken(kSameState, Name(node) + " holds other rows than the shared history after " + ToString(last));
  }
}

void StateMachineSafety::OnApplied(NodeId node, const sm::Applied& applied) {
  if (verdict_.failed()) return;
  if (applied.id.index >= history_.end()) {
    verdict_.Broken(kStateMachineSafety, Name(node) + " reports " + ToString(applied.id) + " before its state has it");
    return;
  }
  const History::Step& step = history_.At(applied.id.index);
  if (step.id.term != applied.id.term) {
    verdict_.Broken(kStateMachineSafety, Name(node) + " applies " + ToString(applied.id) + " where " +
                                             ToString(step.id) + " was applied before");
  } else if (step.effects_hash != EffectsHash(applied)) {
    verdict_.Broken(kStateMachineSafety, Name(node) + " answers or changes something else at " + ToString(applied.id));
  }
}

}  // namespace metasrv::sim
