#include "io/sim/sim_loop.h"

#include <utility>

namespace metasrv::io {

void SimLoop::Post(Task task) { world_.At(world_.now(), actor_, EventKind::kTask, 0, std::move(task)); }

TimerId SimLoop::RunAt(Instant at, Task task) { return world_.AtLocal(clock_, at, actor_, std::move(task)); }

void SimLoop::Cancel(TimerId timer) { world_.Cancel(timer); }

}  // namespace metasrv::io
