// Filters, line formats and files of the log (config-and-cli.md §2.2.1, §6.12; operations.md §5.1).
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "server/log.h"
#include "server/log_file.h"
#include "server/log_filter.h"
#include "server/request_log.h"

namespace metasrv::server {
namespace {

namespace fs = std::filesystem;

TEST(LogFilter, TheLongestPrefixDecides) {
  const LogFilter filter("Warn, databend_=Info ,openraft=debug,databend_x=off");
  EXPECT_EQ(filter.LevelOf("grpc"), LogLevel::kWarn);
  EXPECT_EQ(filter.LevelOf("databend_meta"), LogLevel::kInfo);
  EXPECT_EQ(filter.LevelOf("databend_x"), LogLevel::kOff);
  EXPECT_EQ(filter.LevelOf("openraft"), LogLevel::kDebug);
  EXPECT_TRUE(filter.Takes("databend_meta", LogLevel::kError));
  EXPECT_FALSE(filter.Takes("databend_x", LogLevel::kError));
}

TEST(LogFilter, LevelsHaveNoCaseAndMistakesAreListed) {
  EXPECT_EQ(LogFilter("INFO").LevelOf("x"), LogLevel::kInfo);
  EXPECT_EQ(LogFilter("debug").LevelOf("x"), LogLevel::kDebug);
  const LogFilter filter("loud,x=quiet,Error");
  EXPECT_EQ(filter.bad_items(), (std::vector<std::string>{"loud", "x=quiet"}));
  EXPECT_EQ(filter.LevelOf("x"), LogLevel::kError);
}

TEST(LogFormat, LinesHaveTheirShapes) {
  const LogRecord record{LogLevel::kInfo, "databend_meta", "hello \"you\"", "/a/b/c.cc", 12, 1700000000, 42};
  EXPECT_EQ(FormatRecord("identical", record), "hello \"you\"");
  const std::regex text(R"(2023-11-1\dT\d\d:\d\d:20\.000042[+-]\d\d:\d\d  INFO databend_meta: c\.cc:12 hello "you")");
  EXPECT_TRUE(std::regex_match(FormatRecord("text", record), text)) << FormatRecord("text", record);
  const auto json = nlohmann::json::parse(FormatRecord("json", record));
  EXPECT_EQ(json["level"], "INFO");
  EXPECT_EQ(json["fields"]["message"], "hello \"you\"");
  EXPECT_EQ(json["timestamp"].get<std::string>().size(), std::string("2026-08-01T10:20:30.123456+08:00").size());
}

TEST(RequestLog, NothingIsToldOfAWriteUnlessSomebodyListensForIt) {
  int calls = 0;
  LogWrite(pb::Command(), [&](const node::WriteResult&) { ++calls; })({});
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(LogTakes(LogLevel::kError)) << "no log is open";
}

TEST(RequestLog, AtTheLevelDebugAWriteIsToldWithItsEnd) {
  const std::string dir = ::testing::TempDir() + "/request-log";
  fs::remove_all(dir);
  Config config;
  config.log_file.on = true;
  config.log_file.dir = dir;
  config.log_file.level = "Info";
  config.log_file.format = "identical";
  const auto write = [] {
    pb::Command command;
    command.mutable_upsert_kv()->set_key("k");
    LogWrite(command, [](const node::WriteResult&) {})(
        {node::WriteStatus::kApplied, {}, LogId{Term(2), NodeId(1), LogIndex(7)}, {}, {}});
    CloseLog();
  };
  const auto written = [&] {
    std::string text;
    for (const auto& entry : fs::directory_iterator(dir)) {
      std::ifstream file(entry.path());
      text.append(std::istreambuf_iterator<char>(file), {});
    }
    return text;
  };
  ASSERT_TRUE(OpenLog(config));
  write();
  EXPECT_EQ(written().find("write LogEntry"), std::string::npos);
  config.log_file.level = "Warn,databend_=Debug";
  ASSERT_TRUE(OpenLog(config));
  write();
  EXPECT_NE(written().find("write LogEntry: UpsertKV key=k\n"), std::string::npos) << written();
  EXPECT_NE(written().find("raft.client_write res ok: log_id: T2-N1.7\n"), std::string::npos) << written();
  fs::remove_all(dir);
}

TEST(RequestLog, RequestsThatTookLongAreToldOnceASecond) {
  EXPECT_FALSE(LogIfSlow(CallKind::kRead, std::chrono::milliseconds(999)));
  EXPECT_TRUE(LogIfSlow(CallKind::kRead, std::chrono::seconds(1)));
  EXPECT_FALSE(LogIfSlow(CallKind::kWrite, std::chrono::seconds(9)));
}

class LogFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = ::testing::TempDir() + "/logs-" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::unique_ptr<LogFile> Open(std::uint64_t max_size, std::uint64_t limit, std::time_t now = kHour) {
    auto file = LogFile::Open({dir_, "databend-meta-1@c", max_size, limit}, now);
    EXPECT_TRUE(file) << file.error();
    return std::move(*file);
  }
  std::size_t Count() const { return std::distance(fs::directory_iterator(dir_), fs::directory_iterator()); }

  static constexpr std::time_t kHour = 1700000000;
  std::string dir_;
};

TEST_F(LogFiles, AreNamedByHourAndNumber) {
  const auto file = Open(1000, 10);
  const std::regex name(R"(.*/databend-meta-1@c\.2023-11-1\d-\d\d\.0\.log)");
  EXPECT_TRUE(std::regex_match(file->path(), name)) << file->path();
}

TEST_F(LogFiles, RollWhenFullAndWithTheHour) {
  const auto file = Open(10, 10);
  file->Write("0123456789", kHour);
  file->Write("x", kHour);
  EXPECT_TRUE(file->path().ends_with(".1.log"));
  file->Write("y", kHour + 3600);
  EXPECT_TRUE(file->path().ends_with(".0.log"));
  EXPECT_EQ(Count(), 3U);
}

TEST_F(LogFiles, GoOnInTheHoursFileAfterARestart) {
  Open(10, 10)->Write("a", kHour);
  const auto file = Open(10, 10);
  file->Write("b", kHour);
  file->Flush();
  std::ifstream in(file->path());
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), "a\nb\n");
  EXPECT_EQ(Count(), 1U);
}

TEST_F(LogFiles, KeepAtMostTheirLimitAndLeaveStrangersAlone) {
  fs::create_directories(dir_);
  std::ofstream(dir_ + "/other.log") << "x";
  const auto file = Open(1, 3);
  for (int i = 0; i < 6; ++i) file->Write("x", kHour);
  EXPECT_EQ(Count(), 4U);
  EXPECT_TRUE(fs::exists(file->path()));
}

TEST_F(LogFiles, ComeBackAfterTheyWereMovedAway) {
  const auto file = Open(1000, 10);
  file->Write("a", kHour);
  fs::rename(file->path(), dir_ + "/moved");
  file->Reopen(kHour);
  file->Write("b", kHour);
  EXPECT_TRUE(fs::exists(file->path()));
}

TEST_F(LogFiles, AnUnusableDirectoryIsAnError) {
  std::ofstream(::testing::TempDir() + "/plain-file") << "x";
  auto file = LogFile::Open({::testing::TempDir() + "/plain-file/logs", "n", 1, 1}, kHour);
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().find("plain-file"), std::string::npos);
}

}  // namespace
}  // namespace metasrv::server
