#pragma once

namespace metasrv {

// Planted bugs that prove the simulator's power; the ids are those of the mutation catalogue in docs/SIMULATION.md.
enum class Mutant {
  kNone,
  kC01,  // an entry of an older term is committed by counting replicas
  kC03,  // a follower takes the leader's commit index without capping it at the last new entry
  kD01,  // an append is acknowledged before it is durable
  kE01,  // a vote is sent before it is durable
  kE05,  // votes are counted per message, not per voter
  kE07,  // votes are granted without the up-to-date check
  kE08,  // log ids are compared component by component
  kE11,  // a quorum is half of the voters
  kE12,  // a vote for the target of a transfer is granted without the up-to-date check
  kL01,  // entries that were read back are used without comparing them with the log
  kM02,  // a joint configuration is left before it is committed
  kM03,  // a leader counts itself in a configuration without it
  kI01,  // a voter votes with any disk, and the vote counts
  kI02,  // a leader counts acknowledgements of any disk
  kQ01,  // a read is served without confirming leadership
  kQ02,  // a lease counts from the answers to its round, not from its sending
  kQ03,  // a lease outlives a jump of the clock
  kQ04,  // a voter forgets at a restart that it keeps the leader's lease
  kQ05,  // a lease outlives the message that lets another node campaign
  kR01,  // every append truncates the log after its previous entry
  kR02,  // the term of the previous entry is not compared
  kR04,  // a follower acknowledges its last index, not what the request proved
  kT01,  // a leader whose transfer failed never accepts proposals again
  kS01,  // a resumed snapshot transfer goes on one row too late
  kV01,  // a node does not act on the majority's verdict about its state, nor on its own
  kW01,  // what does not fit into the buffer of a watcher is left out, and the watch goes on
  kW02,  // a watch gets the changes that its first state contains once more
  kW03,  // a watch goes on when the state under it was replaced
  kS02,  // what arrives of a snapshot is not compared with its checksums and hashes
};

#ifdef METASRV_MUTANTS
// The one mutant that is switched on in this process.
inline Mutant active_mutant = Mutant::kNone;
inline bool MutantOn(Mutant mutant) { return active_mutant == mutant; }
#else
constexpr bool MutantOn(Mutant) { return false; }
#endif

}  // namespace metasrv
