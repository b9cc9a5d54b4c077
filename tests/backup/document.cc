#include "tests/backup/document.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace metasrv::backup {

Lines Reexport(const Lines& lines, const std::optional<NewCluster>& new_cluster) {
  auto directory = Import(lines, new_cluster);
  if (!directory.has_value()) {
    ADD_FAILURE() << directory.error();
    return {};
  }
  return Export(**directory);
}

std::string ErrorOf(const Lines& lines) {
  auto directory = Import(lines);
  if (!directory.has_value()) return directory.error();
  ADD_FAILURE() << "the import succeeded";
  return "";
}

Lines ReadLines(std::string_view path) {
  std::ifstream file(std::string(METASRV_SOURCE_DIR) + "/tests/" + std::string(path));
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_TRUE(text.ends_with('\n')) << path;
  Lines lines;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = text.find('\n', begin);
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

Lines Document(Lines lines, std::string_view version) {
  lines.insert(lines.begin(),
               R"(["header",{"DataHeader":{"key":"header","value":{"version":")" + std::string(version) + R"("}}}])");
  return lines;
}

}  // namespace metasrv::backup
