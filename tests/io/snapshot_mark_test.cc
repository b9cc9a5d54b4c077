#include "io/real/snapshot_mark.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "io/snapshot_id.h"
#include "tests/support/temp_dir.h"

namespace metasrv::io {
namespace {

std::set<std::string> NamesIn(const std::filesystem::path& directory) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.insert(entry.path().filename());
  return names;
}

TEST(SnapshotId, HoldsPositionAndTime) {
  EXPECT_EQ(SnapshotId(LogId{Term(4), NodeId(7), LogIndex(22)}, WallMillis(1700000100000)), "4-7-22-1700000100000");
}

TEST(SnapshotId, LeavesThePositionEmptyWithoutOne) {
  EXPECT_EQ(SnapshotId(std::nullopt, WallMillis(1700000100000)), "---1700000100000");
}

TEST(MarkSnapshot, KeepsTheNewestNameAndWhateverIsNotAMark) {
  const test::TempDir directory;
  std::ofstream(directory / "notes.txt") << "the operator's";
  ASSERT_TRUE(MarkSnapshot(directory.path(), "1-1-5-1700000000000").has_value());
  ASSERT_TRUE(MarkSnapshot(directory.path(), "1-1-9-1700000000001").has_value());
  EXPECT_EQ(NamesIn(directory.path()), (std::set<std::string>{"notes.txt", "1-1-9-1700000000001.snap"}));
}

TEST(MarkSnapshot, NamesTheFileThatItCouldNotWrite) {
  const test::TempDir directory;
  const auto marked = MarkSnapshot(directory / "missing", "1-1-5-1700000000000");
  ASSERT_FALSE(marked.has_value());
  EXPECT_NE(marked.error().detail.find("missing/1-1-5-1700000000000.snap: No such file"), std::string::npos)
      << marked.error().detail;
}

}  // namespace
}  // namespace metasrv::io
