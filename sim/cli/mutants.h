#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "common/mutant.h"

namespace metasrv::sim {

// The planted bugs this build knows; none unless it is a METASRV_MUTANTS build.
struct NamedMutant {
  std::string_view id;
  Mutant mutant;
  std::string_view what;
};
[[nodiscard]] const std::vector<NamedMutant>& KnownMutants();

// Switches one on for this process. False when this build does not know it.
[[nodiscard]] bool ActivateMutant(std::string_view id);

}  // namespace metasrv::sim
