#pragma once

namespace metasrv {

class RaftCore;

// What must hold of one node between steps, whatever happened; a violation is a bug and aborts. Constant time, always
// on.
void CheckState(const RaftCore& core);

// What must hold between a state and any later one of the same incarnation.
void CheckTransition(const RaftCore& before, const RaftCore& after);

}  // namespace metasrv
