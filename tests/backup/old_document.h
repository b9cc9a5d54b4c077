#pragma once

#include "tests/backup/directory.h"

namespace metasrv::backup {

// A document of an older data version that must be imported as `canonical`, a document of the present one: lines of the
// older kinds in an order of theirs, members left out, moved or written in another way, lines and members that mean
// nothing, white space and escapes (export-format.md §5, §9). Draws from RapidCheck.
[[nodiscard]] Lines AnyOldDocument(const Lines& canonical);

}  // namespace metasrv::backup
