#pragma once

#include <string>

#include "backup/record.h"

namespace metasrv::ctl {

// The records of a Raft log as people read them (metactl.md §4.14).

// "blank", "membership:{..}" or "normal:..". A payload that is no command becomes "Error: ..".
[[nodiscard]] std::string PayloadText(const Entry& entry);

// "<T1-N7:Q>" of a vote whose leader is established, "<T1-N7:->" of another.
[[nodiscard]] std::string VoteText(const backup::Vote& vote);

// The lines, each with its end, that --decode-values adds for the values an entry writes, and those that --raw adds.
[[nodiscard]] std::string DecodedValuesText(const Entry& entry);
[[nodiscard]] std::string RawValuesText(const Entry& entry);

}  // namespace metasrv::ctl
