#pragma once

#include <rapidcheck.h>

#include <cstdint>
#include <string>

#include "backup/record.h"
#include "tests/backup/directory.h"

namespace metasrv::backup {

// Draws for properties over backups. All of them draw at full size from the first case on: small sizes would choose the
// first alternatives only.
[[nodiscard]] int Below(int bound);
[[nodiscard]] bool Coin();
// The ends of the range, small numbers, any number.
[[nodiscard]] std::uint64_t AnyU64();
// Valid UTF-8 with everything that an escape could get wrong.
[[nodiscard]] std::string AnyText();

[[nodiscard]] LogId AnyLogId();
[[nodiscard]] pb::StoredMembership AnyStoredMembership();
[[nodiscard]] meta::Node AnyNode();
[[nodiscard]] Vote AnyVote();
[[nodiscard]] pb::Command AnyCommand();
// A line of any kind of the present data version.
[[nodiscard]] Record AnyRecord();

// A canonical document with records of every kind.
[[nodiscard]] Lines AnyDocument();

[[nodiscard]] std::string TextOf(const Record& record);

}  // namespace metasrv::backup
