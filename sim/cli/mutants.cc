#include "sim/cli/mutants.h"

namespace metasrv::sim {

const std::vector<NamedMutant>& KnownMutants() {
  static const std::vector<NamedMutant> kKnown = {
#ifdef METASRV_MUTANTS
      {"C01", Mutant::kC01, "an entry of an older term is committed by counting replicas"},
      {"L01", Mutant::kL01, "entries that were read back are used unchecked"},
      {"C03", Mutant::kC03, "a follower does not cap the leader's commit index"},
      {"D01", Mutant::kD01, "an append is acknowledged before it is durable"},
      {"E01", Mutant::kE01, "a vote is sent before it is durable"},
      {"E05", Mutant::kE05, "votes are counted per message"},
      {"E07", Mutant::kE07, "votes are granted without the up-to-date check"},
      {"E08", Mutant::kE08, "log ids are compared component by component"},
      {"E11", Mutant::kE11, "a quorum is half of the voters"},
      {"E12", Mutant::kE12, "a transfer overrides the up-to-date check"},
      {"M02", Mutant::kM02, "a joint configuration is left before it is committed"},
      {"M03", Mutant::kM03, "a leader counts itself in a configuration without it"},
      {"I01", Mutant::kI01, "a wiped voter votes, and its vote counts"},
      {"I02", Mutant::kI02, "acknowledgements of a wiped voter count"},
      {"Q01", Mutant::kQ01, "a read is served without confirming leadership"},
      {"Q02", Mutant::kQ02, "a lease counts from the answers to its round"},
      {"Q03", Mutant::kQ03, "a lease outlives a jump of the clock"},
      {"Q04", Mutant::kQ04, "a voter forgets at a restart that it keeps a leader's lease"},
      {"Q05", Mutant::kQ05, "a lease outlives the message that lets another node campaign"},
      {"R01", Mutant::kR01, "every append truncates after its previous entry"},
      {"R02", Mutant::kR02, "the term of the previous entry is not compared"},
      {"R04", Mutant::kR04, "a follower acknowledges its last index"},
      {"T01", Mutant::kT01, "a leader never resumes after a failed transfer"},
      {"S01", Mutant::kS01, "a resumed snapshot transfer goes on one row too late"},
      {"V01", Mutant::kV01, "a node does not act on the knowledge that its state is wrong"},
      {"W01", Mutant::kW01, "what does not fit into a watcher's buffer is left out"},
      {"W02", Mutant::kW02, "a watch gets changes that its first state contains once more"},
      {"W03", Mutant::kW03, "a watch goes on when the state under it was replaced"},
      {"S02", Mutant::kS02, "a snapshot is not compared with its checksums and hashes"},
#endif
  };
  return kKnown;
}

bool ActivateMutant(std::string_view id) {
  for (const NamedMutant& known : KnownMutants()) {
    if (known.id != id) continue;
#ifdef METASRV_MUTANTS
    active_mutant = known.mutant;
#endif
    return true;
  }
  return false;
}

}  // namespace metasrv::sim
