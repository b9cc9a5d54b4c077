#pragma once

#include <expected>
#include <string>

#include "ctl/command_line.h"
#include "ctl/offline.h"
#include "ctl/run.h"

namespace metasrv::ctl {

// One function per subcommand (metactl.md §4); an error is the text after "Error: ".
using CommandResult = std::expected<void, std::string>;

[[nodiscard]] CommandResult Execute(const StatusCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const GetCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const UpsertCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const WatchCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const MemberListCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const KeysLayoutCommand& command, const Terminal& terminal);

[[nodiscard]] CommandResult Execute(const TransferLeaderCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const TriggerSnapshotCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const SetFeatureCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const ListFeaturesCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const MetricsCommand& command, const Terminal& terminal);

[[nodiscard]] CommandResult Execute(const BenchConnectionsCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult Execute(const LuaCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult DumpLog(const DumpLogCommand& command, const OpenDirectory& open_directory,
                                    const Terminal& terminal);

[[nodiscard]] CommandResult Execute(const VerifyCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult RestoreCluster(const RestoreCommand& command, const OpenDirectory& open_directory,
                                           const Terminal& terminal);
[[nodiscard]] CommandResult ExportFromServer(const ExportCommand& command, const Terminal& terminal);
[[nodiscard]] CommandResult ExportFromDirectory(const ExportCommand& command, const OpenDirectory& open_directory,
                                                const Terminal& terminal);
[[nodiscard]] CommandResult ImportIntoDirectory(const ImportCommand& command, const OpenDirectory& open_directory,
                                                const Terminal& terminal);

}  // namespace metasrv::ctl
