#pragma once

#include <string>

#include "node/client_api.h"
#include "sim/history.h"
#include "sim/invariants/log_matching.h"
#include "sim/verdict.h"

namespace metasrv::sim {

inline constexpr Property kExportAgrees = {
    "an export agrees with itself",
    "State and log of an export are those of one moment: the state is the history's, and the log goes on from what it "
    "leaves out to at least the end of the state.",
    "spec README, ruling 2"};

// Reads `source` to its end. `who`: its node, for people.
void CheckExport(const std::string& who, const node::ExportSource& source, const History& history,
                 const LogMatching& stored, Verdict& verdict);

}  // namespace metasrv::sim
