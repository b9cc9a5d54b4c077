#include "node/wire.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace metasrv::node {
namespace {

const Sender kSender{NodeId(7), {"seven", 28003}};

LogId AnyLogId(Term term, LogIndex index) { return {term, NodeId(*rc::gen::inRange<std::uint64_t>(0, 9)), index}; }

std::uint64_t AnyNumber() { return *rc::gen::arbitrary<std::uint64_t>(); }

std::optional<LogId> MaybeLogId() {
  if (*rc::gen::arbitrary<bool>()) return std::nullopt;
  return AnyLogId(Term(AnyNumber()), LogIndex(AnyNumber()));
}

NodeSet AnyNodes() {
  NodeSet out;
  for (const auto id : *rc::gen::arbitrary<std::set<std::uint64_t>>()) out.push_back(NodeId(id));
  return out;
}

Entry AnyEntry(const LogId& id) {
  switch (*rc::gen::inRange(0, 3)) {
    case 0: return Entry::Blank(id);
    case 1: return Entry::Normal(id, *rc::gen::arbitrary<std::string>());
    default: return Entry::OfMembership(id, Membership{{AnyNodes(), AnyNodes()}, AnyNodes()});
  }
}

AppendRequest AnyAppend() {
  std::uint64_t term = *rc::gen::inRange<std::uint64_t>(1, 5);
  std::uint64_t index = *rc::gen::inRange<std::uint64_t>(0, 1'000'000);
  AppendRequest request;
  if (index > 0) request.prev = AnyLogId(Term(term), LogIndex(index - 1));
  const int count = *rc::gen::inRange(0, 6);
  for (int i = 0; i < count; ++i) {
    term += *rc::gen::inRange<std::uint64_t>(0, 3);
    request.entries.push_back(AnyEntry(AnyLogId(Term(term), LogIndex(index++))));
  }
  request.term = Term(term);
  request.commit_end = LogIndex(AnyNumber());
  request.round = AnyNumber();
  return request;
}

AppendResponse AnyResponse() {
  AppendResponse response{Term(AnyNumber()),
                          *rc::gen::arbitrary<bool>(),
                          LogIndex(AnyNumber()),
                          std::nullopt,
                          MaybeLogId(),
                          AnyNumber(),
                          static_cast<DiskLevel>(*rc::gen::inRange(0, 3))};
  if (*rc::gen::arbitrary<bool>()) response.hint_term = Term(AnyNumber());
  response.no_space = *rc::gen::arbitrary<bool>();
  return response;
}

Message AnyMessage() {
  switch (*rc::gen::inRange(0, 7)) {
    case 0:
      return VoteRequest{Term(AnyNumber()), *rc::gen::arbitrary<bool>(), MaybeLogId(), *rc::gen::arbitrary<bool>()};
    case 1: return VoteResponse{Term(AnyNumber()), *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>()};
    case 2: return AnyAppend();
    case 3: return AnyResponse();
    case 4: return ReadIndexRequest{Term(AnyNumber()), RequestId(AnyNumber())};
    case 5: return TimeoutNow{Term(AnyNumber())};
    default: {
      ReadIndexResponse response{Term(AnyNumber()), RequestId(AnyNumber()), std::nullopt};
      if (*rc::gen::arbitrary<bool>()) response.end = LogIndex(AnyNumber());
      return response;
    }
  }
}

std::optional<Message> DecodeMessage(const std::string& bytes) {
  auto decoded = Decode(bytes);
  if (!decoded || !std::holds_alternative<Message>(decoded->body)) return std::nullopt;
  return std::get<Message>(decoded->body);
}

RC_GTEST_PROP(Wire, EveryMessageComesBackAsItWas, ()) {
  MessageEncoder encoder(kSender);
  const Message message = AnyMessage();
  const auto decoded = Decode(encoder.Encode(NodeId(3), message));
  RC_ASSERT(decoded.has_value());
  RC_ASSERT(decoded->from == NodeId(7));
  RC_ASSERT(decoded->to == NodeId(3));
  RC_ASSERT((decoded->sender == Endpoint{"seven", 28003}));
  RC_ASSERT(std::get<Message>(decoded->body) == message);
}

RC_GTEST_PROP(Wire, EntriesThatWereEncodedBeforeComeBackForEveryPeer, ()) {
  MessageEncoder encoder(kSender);
  const AppendRequest first = AnyAppend();
  AppendRequest second = first;
  second.commit_end = LogIndex(AnyNumber());
  RC_ASSERT(DecodeMessage(encoder.Encode(NodeId(1), Message(first))) == Message(first));
  RC_ASSERT(DecodeMessage(encoder.Encode(NodeId(2), Message(second))) == Message(second));
  const AppendRequest other = AnyAppend();
  encoder.DropCache();
  RC_ASSERT(DecodeMessage(encoder.Encode(NodeId(1), Message(other))) == Message(other));
}

RC_GTEST_PROP(Wire, DamagedBytesAreRefusedOrGiveAnotherMessageButNeverCrash, ()) {
  MessageEncoder encoder(kSender);
  std::string bytes = encoder.Encode(NodeId(3), AnyMessage());
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  bytes[at] = *rc::gen::arbitrary<char>();
  bytes.resize(*rc::gen::inRange<std::size_t>(0, bytes.size() + 1));
  (void)Decode(bytes);
}

RC_GTEST_PROP(Wire, MembershipsComeBackAsTheyWere, ()) {
  const Membership membership{{AnyNodes(), AnyNodes()}, AnyNodes()};
  RC_ASSERT(FromProto(ToProto(membership)) == membership);
}

TEST(Wire, BytesThatAreNoMessageAreRefused) {
  EXPECT_FALSE(Decode(""));
  EXPECT_FALSE(Decode("hello"));
  pb::PeerMessage empty;
  empty.set_from(1);
  EXPECT_FALSE(Decode(empty.SerializeAsString()));
}

TEST(Wire, APortBeyondTheRangeIsRefused) {
  pb::PeerMessage message;
  message.set_from_port(65536);
  message.mutable_vote_request();
  EXPECT_FALSE(Decode(message.SerializeAsString()));
}

TEST(Wire, EntriesWithAGapAreRefused) {
  pb::PeerMessage message;
  auto* append = message.mutable_append_request();
  append->set_term(3);
  append->mutable_prev()->set_term(2);
  append->mutable_prev()->set_index(5);
  auto* id = append->add_entries()->mutable_id();
  id->set_term(3);
  id->set_index(6);
  EXPECT_TRUE(Decode(message.SerializeAsString()));
  id->set_index(7);
  EXPECT_FALSE(Decode(message.SerializeAsString()));
}

TEST(Wire, EntriesWhoseTermFallsOrExceedsTheLeadersAreRefused) {
  pb::PeerMessage message;
  auto* append = message.mutable_append_request();
  append->set_term(3);
  append->mutable_prev()->set_term(2);
  auto* id = append->add_entries()->mutable_id();
  id->set_index(1);
  for (const auto& [term, fine] : std::map<std::uint64_t, bool>{{1, false}, {2, true}, {3, true}, {4, false}}) {
    id->set_term(term);
    EXPECT_EQ(Decode(message.SerializeAsString()).has_value(), fine) << term;
  }
}

TEST(Wire, AMembershipWithARepeatedNodeIsRefused) {
  meta::Membership membership;
  membership.add_nodes(1);
  membership.add_nodes(1);
  EXPECT_FALSE(FromProto(membership));
}

TEST(Wire, TheTimeOfACommandIsReadWithoutParsingIt) {
  pb::Command command;
  command.mutable_upsert_kv()->set_key("k");
  EXPECT_EQ(PeekTime(command.SerializeAsString()), std::nullopt);
  command.set_time_ms(1'700'000'000'123);
  EXPECT_EQ(PeekTime(command.SerializeAsString()), 1'700'000'000'123);
  EXPECT_EQ(PeekTime(""), std::nullopt);
}

}  // namespace
}  // namespace metasrv::node
