#include <gtest/gtest.h>

#include <string>

#include "backup/encode.h"
#include "backup/json_write.h"

namespace metasrv::backup {
namespace {

std::string Written(const auto& write) {
  std::string out;
  JsonWriter w(&out);
  write(w);
  return out;
}

TEST(JsonWriter, EscapesOnlyWhatJsonAsksFor) {
  std::string text("\"\\\b\t\n\f\r/\x7f\x01\x1f\0é", 15);
  text.erase(text.find('\xc3'));
  text += "é日";
  EXPECT_EQ(Written([&](JsonWriter& w) { w.String(text); }), R"("\"\\\b\t\n\f\r/)"
                                                             "\x7f"
                                                             R"(\u0001\u001f\u0000é日")");
}

TEST(JsonWriter, WritesBytesAsIntegers) {
  EXPECT_EQ(Written([](JsonWriter& w) { w.Bytes(""); }), "[]");
  EXPECT_EQ(Written([](JsonWriter& w) { w.Bytes(std::string("\0\x09\x0a\x63\x64\xff", 6)); }), "[0,9,10,99,100,255]");
}

TEST(JsonWriter, WritesTheWholeRangeOfIntegers) {
  EXPECT_EQ(Written([](JsonWriter& w) { w.U64(UINT64_MAX); }), "18446744073709551615");
  EXPECT_EQ(Written([](JsonWriter& w) { w.I64(INT64_MIN); }), "-9223372036854775808");
}

TEST(JsonWriter, PlacesCommasBetweenMembersAndElementsOnly) {
  std::string out = Written([](JsonWriter& w) {
    w.BeginObject();
    w.Member("a", true);
    w.Member("b", "{");
    w.Key("c");
    w.BeginArray();
    w.U64(1);
    w.BeginArray();
    w.EndArray();
    w.BeginObject();
    w.EndObject();
    w.String("[");
    w.Null();
    w.EndArray();
    w.Member("d", std::optional<std::uint64_t>());
    w.EndObject();
  });
  EXPECT_EQ(out, R"({"a":true,"b":"{","c":[1,[],{},"[",null],"d":null})");
}

TEST(JsonWriter, AppendsToWhatIsThere) {
  std::string out = "x:";
  JsonWriter w(&out);
  w.U64(7);
  EXPECT_EQ(out, "x:7");
}

TEST(Shapes, AreWrittenForTheAdminPages) {
  EXPECT_EQ(ToJson(LogId{Term(2), NodeId(1), LogIndex(9)}), R"({"leader_id":{"term":2,"node_id":1},"index":9})");
  meta::Node node;
  node.set_name("1");
  node.set_addr("localhost");
  node.set_port(28103);
  EXPECT_EQ(ToJson(node),
            R"({"name":"1","endpoint":{"addr":"localhost","port":28103},"grpc_api_advertise_address":null})");
  meta::SeqV record;
  record.set_seq(3);
  record.set_data("v");
  EXPECT_EQ(ToJson(record), R"({"seq":3,"meta":null,"data":[118]})");
  record.mutable_meta()->set_proposed_at_ms(5);
  EXPECT_EQ(ToJson(record), R"({"seq":3,"meta":{"proposed_at_ms":5},"data":[118]})");
}

}  // namespace
}  // namespace metasrv::backup
