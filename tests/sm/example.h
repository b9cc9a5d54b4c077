#pragma once

#include <string>
#include <vector>

namespace metasrv::testing {

// A worked example of kv-semantics.md §15: one row of a table, in the notation of README.md.
struct Example {
  std::string title;  // "[20] what it shows"
  std::string before;
  std::string read;  // of the state before; empty: none
  std::string result;
  std::vector<std::string> entries;  // reply and events are those of the last one
  std::string reply;
  std::string after;
  std::string events;

  // The number of the row.
  [[nodiscard]] int Id() const;
};

// The rows of tables/`name`.
[[nodiscard]] std::vector<Example> LoadTable(const std::string& name);

}  // namespace metasrv::testing
