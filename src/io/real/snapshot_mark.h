#pragma once

#include <expected>
#include <string>

#include "io/error.h"

namespace metasrv::io {

// Says in `directory` which snapshot the durable state is, by a file "<id>.snap" in the place of the one before;
// scripts wait for such files (metactl.md §4.5, config-and-cli.md §8). Nothing reads them back: the state itself is a
// store of its own. Errors: kIo, kNoSpace.
[[nodiscard]] std::expected<void, Error> MarkSnapshot(const std::string& directory, const std::string& id);

}  // namespace metasrv::io
