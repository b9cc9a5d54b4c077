#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/sim/sim_disk.h"
#include "node/node.h"
#include "sim/verdict.h"

namespace metasrv::sim {

class History;

inline constexpr Property kBackupIsHistory = {
    "a backup is the history's state",
    "The records of a backup are exactly those of the shared history at the backup's applied index.",
    "spec README, ruling 2"};
inline constexpr Property kBackupIsSound = {"backups do not contradict themselves",
                                            "`verify` finds nothing wrong with a backup that a node gives.",
                                            "docs/OPERATIONS.md, backups"};
inline constexpr Property kBackupIsFixedPoint = {
    "backups survive", "Importing a backup and exporting it again gives the same bytes.", "export-format.md §9"};

// A cluster as an operator makes it of a backup: the members' disks, and what is known of them.
struct Restored {
  std::map<NodeId, io::DiskImage> disks;
  std::optional<LogId> applied;  // what the state stands for
  LogIndex committed_end;        // entries that a leader is known to have committed
  Membership membership;
};

// The lines of a backup of `node`.
[[nodiscard]] std::vector<std::string> ExportLines(const node::Node& node);

// Judges a backup against the history of the cluster that it was taken of, and by itself.
void JudgeBackup(const std::vector<std::string>& lines, History& history, Verdict& verdict);

// Makes a new cluster of `count` members, from `first` on, of a backup that was judged.
[[nodiscard]] Restored Restore(const std::vector<std::string>& lines, NodeId first, std::uint64_t count);

}  // namespace metasrv::sim
