#pragma once

#include <span>
#include <vector>

#include "tests/consensus/explore/explorer.h"

namespace metasrv::test {

// The searches of the exhaustive test. `large`: wider bounds, for a machine with time.
[[nodiscard]] std::vector<Bounds> AllBounds(bool large);

// Options with windows so small and times so far apart that nothing depends on either.
[[nodiscard]] Physics DefaultPhysics();

}  // namespace metasrv::test
