// Lines that are too long, too deep or not text: refused at once, with a reason, and without taking memory or stack.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <string>
#include <string_view>

#include "backup/encode.h"
#include "backup/parse.h"
#include "backup/request_json.h"
#include "common/check.h"

namespace metasrv::backup {
namespace {

std::string Repeated(std::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += text;
  return out;
}

std::string ErrorOfLine(std::string_view text) {
  LineParser parser;
  const auto line = parser.Parse(text);
  return line ? "" : line.error().reason;
}

// Zeros that take no memory.
class Zeros {
 public:
  explicit Zeros(std::size_t size) : size_(size) {
    data_ = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(data_ != MAP_FAILED);
  }
  ~Zeros() { munmap(data_, size_); }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;

  [[nodiscard]] std::string_view view() const { return {static_cast<const char*>(data_), size_}; }

 private:
  std::size_t size_;
  void* data_;
};

long PeakMiB() {
  rusage usage{};
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return usage.ru_maxrss / 1024;
}

TEST(Limits, AGigabyteInOneLineIsRefusedWithoutBeingRead) {
  const long before = PeakMiB();
  const Zeros zeros(std::size_t{3} << 30U);
  EXPECT_EQ(ErrorOfLine(zeros.view()), "the line has 3221225472 bytes; at most 536870912 are read: is this a backup?");
  EXPECT_LT(PeakMiB() - before, 16);
}

TEST(Limits, ALineOfAHundredMegabytesIsRead) {
  std::string line = R"(["state_machine/0",{"GenericKV":{"key":"k","value":{"seq":1,"meta":null,"data":[255)";
  line.reserve(std::size_t{101} << 20U);
  while (line.size() < std::size_t{100} << 20U) line += ",255,0";
  line += "]}}}]";
  LineParser parser;
  const auto read = parser.Parse(line);
  ASSERT_TRUE(read.has_value()) << read.error().reason;
  std::string again;
  AppendLine(read->record, &again);
  EXPECT_TRUE(again == line);
}

// A line around `value`, where an unknown member may hold anything.
std::string WithUnknown(const std::string& value) {
  return R"(["raft_log",{"Vote":{"leader_id":{"term":1,"node_id":1},"committed":true,"x":)" + value + "}}]";
}

TEST(Limits, NestingIsReadTo127LevelsAndRefusedBeyond) {
  const auto nested = [](int levels) { return WithUnknown(Repeated("[", levels) + Repeated("]", levels)); };
  EXPECT_EQ(ErrorOfLine(nested(127 - 3)), "");
  EXPECT_EQ(ErrorOfLine(nested(128 - 3)), "recursion limit exceeded");
  EXPECT_EQ(ErrorOfLine(nested(1'000'000)), "recursion limit exceeded");
  EXPECT_EQ(ErrorOfLine(WithUnknown(Repeated(R"({"x":)", 1'000'000))), "recursion limit exceeded");
  EXPECT_NE(ErrorOfLine(Repeated("[", 1'000'000)), "");
}

TEST(Limits, PredicatesNestAsDeepAsClientsMaySendThemAndNoDeeper) {
  const auto line = [](int levels) {
    return R"(["raft_log",{"LogEntry":{"log_id":{"leader_id":{"term":1,"node_id":1},"index":1},"payload":{"Normal":{)"
           R"("cmd":{"KvTransaction":{"branches":[{"operations":[],"predicate":)" +
           Repeated(R"({"And":[)", levels) + R"({"Leaf":{"key":"k","target":{"Seq":1},"op":"Eq"}})" +
           Repeated("]}", levels) + "}]}}}}}}]";
  };
  EXPECT_EQ(ErrorOfLine(line(98)), "");
  EXPECT_EQ(ErrorOfLine(line(99)), "recursion limit exceeded");
  EXPECT_EQ(ErrorOfLine(line(100'000)), "recursion limit exceeded");
}

TEST(Limits, TextThatIsNotUtf8IsRefusedWhereverItStands) {
  for (const char* bytes : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe9", "\\ud800", "\\udc00x"}) {
    const std::string text = "\"" + std::string(bytes) + "\"";
    EXPECT_NE(ErrorOfLine(WithUnknown(text)), "") << text;
    EXPECT_NE(ErrorOfLine(WithUnknown("{" + text + ":1}")), "") << text;
    EXPECT_NE(ErrorOfLine("[" + text + R"(,{"NodeId":1}])"), "") << text;
    EXPECT_FALSE(ParseReadRequest(R"({"GetKV":{"key":)" + text + "}}").has_value()) << text;
  }
}

TEST(Limits, RequestsOfTheApiHaveTheSameOnes) {
  EXPECT_FALSE(ParseKvApiRequest(Repeated("[", 1'000'000)).has_value());
  EXPECT_FALSE(ParseForwardRequest(R"({"forward_to_leader":1,"x":)" + Repeated("[", 200)).has_value());
  EXPECT_FALSE(ParseReadRequest(R"({"GetKV":{"key":"a","x":)" + Repeated("{\"a\":", 100'000)).has_value());
}

}  // namespace
}  // namespace metasrv::backup
