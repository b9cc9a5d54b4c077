#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tests/backup/directory.h"

namespace metasrv::backup {

// Import and export again; a test failure when the import fails.
Lines Reexport(const Lines& lines, const std::optional<NewCluster>& new_cluster = {});

// Why an import fails; a test failure when it succeeds.
std::string ErrorOf(const Lines& lines);

// A file below tests/, split into lines; a test failure when it does not end in "\n".
Lines ReadLines(std::string_view path);

// A document of data version V004 with these lines after the header.
Lines Document(Lines lines, std::string_view version = "V004");

}  // namespace metasrv::backup
