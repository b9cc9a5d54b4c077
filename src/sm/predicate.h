#pragma once

#include "log.pb.h"
#include "meta.pb.h"
#include "sm/overlay.h"

namespace metasrv::sm {

// Whether a condition or an expression is true in `state`; reads only (kv-semantics.md §7). An expression without
// children is true, also an "or".
[[nodiscard]] bool Holds(Overlay& state, const meta::TxnCondition& condition);
[[nodiscard]] bool Holds(Overlay& state, const meta::BooleanExpression& expression);
[[nodiscard]] bool Holds(Overlay& state, const pb::Predicate& predicate);

}  // namespace metasrv::sm
