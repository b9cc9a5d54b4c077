// What is particular to GrpcTransport: limits, secrets, TLS and figures.

#include "io/real/grpc_transport.h"

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/check.h"
#include "server/grpc_tls.h"
#include "tests/io/pem_files.h"
#include "tests/support/pump_loop.h"

namespace metasrv::test {
namespace {

using io::GrpcTransport;
using io::GrpcTransportOptions;

// A node that keeps what it hears and echoes calls.
class Peer {
 public:
  Peer(PumpLoop& loop, GrpcTransportOptions options,
       const std::shared_ptr<grpc::ServerCredentials>& credentials = grpc::InsecureServerCredentials())
      : transport(std::move(options), loop, loop.clock()) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port_);
    transport.Configure(builder);
    server_ = builder.BuildAndStart();
    CHECK(server_ != nullptr);
    transport.Start([this](std::string bytes) { heard.push_back(std::move(bytes)); },
                    [](const std::string& request, io::Transport::Responder respond) { respond("re " + request); });
  }
  ~Peer() {
    transport.Shutdown();
    server_->Shutdown();
  }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  [[nodiscard]] Endpoint endpoint() const { return {.host = "127.0.0.1", .port = static_cast<std::uint16_t>(port_)}; }

  GrpcTransport transport;
  std::vector<std::string> heard;

 private:
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class GrpcTransportTest : public testing::Test {
 protected:
  // The reply, or nothing when there was none.
  std::optional<std::string> Ask(Peer& from, const Peer& to, const std::string& request = "hello") {
    std::optional<bool> answered;
    std::string reply;
    from.transport.Call(to.endpoint(), request, Duration::Seconds(20), [&](io::CallEnd end, std::string text) {
      answered = end == io::CallEnd::kAnswered;
      reply = std::move(text);
    });
    loop_.RunUntil([&] { return answered.has_value(); });
    reason_ = *answered ? "" : reply;
    return *answered ? std::optional(reply) : std::nullopt;
  }
  void AwaitHeard(const Peer& peer, std::size_t count) {
    loop_.RunUntil([&] { return peer.heard.size() >= count; });
  }

  PumpLoop loop_;
  std::string reason_;  // why the last question was not answered
};

TEST_F(GrpcTransportTest, FiguresCountWhatWasSentAndReceived) {
  Peer a(loop_, {});
  Peer b(loop_, {});
  for (int i = 0; i < 10; ++i) a.transport.Send(b.endpoint(), "12345");
  AwaitHeard(b, 10);
  const io::TransportStats sent = a.transport.Stats();
  ASSERT_TRUE(sent.peers.contains(b.endpoint()));
  EXPECT_EQ(sent.peers.at(b.endpoint()).sent_messages, 10U);
  EXPECT_EQ(sent.peers.at(b.endpoint()).sent_bytes, 50U);
  EXPECT_EQ(sent.peers.at(b.endpoint()).dropped_messages, 0U);
  EXPECT_EQ(b.transport.Stats().received_messages, 10U);
  EXPECT_EQ(b.transport.Stats().received_bytes, 50U);
}

TEST_F(GrpcTransportTest, AFullQueueDropsTheNewMessages) {
  GrpcTransportOptions options;
  options.queue_count_max = 10;
  Peer a(loop_, options);
  Peer b(loop_, {});
  // The stream cannot have been established before this loop ends: gRPC needs its own threads for that.
  for (int i = 0; i < 5000; ++i) a.transport.Send(b.endpoint(), std::to_string(i));
  AwaitHeard(b, 10);
  EXPECT_EQ(b.heard.front(), "0");
  EXPECT_GT(a.transport.Stats().peers.at(b.endpoint()).dropped_messages, 0U);
}

TEST_F(GrpcTransportTest, AFullQueueOfBytesDropsTheNewMessages) {
  GrpcTransportOptions options;
  options.queue_bytes_max = 100;
  Peer a(loop_, options);
  Peer b(loop_, {});
  a.transport.Send(b.endpoint(), std::string(101, 'x'));
  a.transport.Send(b.endpoint(), "small");
  AwaitHeard(b, 1);
  EXPECT_EQ(b.heard.front(), "small");
  EXPECT_EQ(a.transport.Stats().peers.at(b.endpoint()).dropped_messages, 1U);
}

TEST_F(GrpcTransportTest, AMessageAboveTheLimitIsDroppedAndTheStreamLivesOn) {
  GrpcTransportOptions options;
  options.message_bytes_max = 10000;
  Peer a(loop_, options);
  Peer b(loop_, options);
  a.transport.Send(b.endpoint(), "before");
  a.transport.Send(b.endpoint(), std::string(10000, 'x'));
  for (int i = 0; i < 10; ++i) a.transport.Send(b.endpoint(), std::string(9900, 'y'));
  AwaitHeard(b, 11);
  const io::PeerTraffic traffic = a.transport.Stats().peers.at(b.endpoint());
  EXPECT_EQ(traffic.dropped_messages, 1U);
  EXPECT_EQ(traffic.failures, 0U);
}

TEST_F(GrpcTransportTest, AnUnreachablePeerIsTriedAgainAndReportedOnce) {
  std::vector<Endpoint> reported;
  GrpcTransportOptions options;
  options.on_unreachable = [&](const Endpoint& peer, const std::string&) { reported.push_back(peer); };
  Peer a(loop_, std::move(options));
  Endpoint gone;
  {
    const Peer b(loop_, {});
    gone = b.endpoint();
  }
  a.transport.Send(gone, "x");
  loop_.RunUntil([&] {
    // Keeps the loop busy with what a node would send.
    loop_.Post([&] { a.transport.Send(gone, "x"); });
    return a.transport.Stats().peers.at(gone).failures >= 2;
  });
  EXPECT_FALSE(a.transport.Stats().peers.at(gone).connected);
  EXPECT_GE(a.transport.Stats().peers.at(gone).connect_failures, 2U);
  EXPECT_EQ(reported, std::vector<Endpoint>{gone});
}

TEST_F(GrpcTransportTest, TheSecretDecidesWhoIsHeard) {
  std::vector<std::optional<std::string>> seen;
  std::mutex mutex;
  GrpcTransportOptions strict;
  strict.check_secret = [&](const std::optional<std::string>& secret, const std::string& from) {
    const std::lock_guard lock(mutex);
    EXPECT_NE(from, "");
    seen.push_back(secret);
    return secret == "right" ? std::nullopt : std::optional<std::string>("raft secret is unaccepted");
  };
  Peer target(loop_, strict);
  GrpcTransportOptions right;
  right.secret = "right";
  GrpcTransportOptions wrong;
  wrong.secret = "wrong";
  Peer friendly(loop_, right);
  Peer hostile(loop_, wrong);
  Peer nameless(loop_, {});
  hostile.transport.Send(target.endpoint(), "hostile");
  nameless.transport.Send(target.endpoint(), "nameless");
  EXPECT_EQ(Ask(hostile, target), std::nullopt);
  EXPECT_EQ(Ask(nameless, target), std::nullopt);
  EXPECT_EQ(Ask(friendly, target), "re hello");
  friendly.transport.Send(target.endpoint(), "friendly");
  AwaitHeard(target, 1);
  EXPECT_EQ(target.heard, std::vector<std::string>{"friendly"});
  const std::lock_guard lock(mutex);
  EXPECT_NE(std::find(seen.begin(), seen.end(), std::nullopt), seen.end());
}

class GrpcTransportTlsTest : public GrpcTransportTest {
 protected:
  std::shared_ptr<grpc::ServerCredentials> Server() { return *server::MakeServerCredentials(pems_.files()); }
  GrpcTransportOptions Member(const std::string& server_name = "") {
    GrpcTransportOptions options;
    options.credentials = server::MakeChannelCredentials(pems_.files());
    options.server_name = server_name;
    return options;
  }

  const PemFiles pems_;
};

TEST_F(GrpcTransportTlsTest, PeersWithCertificatesTalkOverMutualTls) {
  Peer a(loop_, Member(), Server());
  Peer b(loop_, Member("localhost"), Server());
  a.transport.Send(b.endpoint(), "private");
  AwaitHeard(b, 1);
  EXPECT_EQ(Ask(b, a), "re hello");
}

TEST_F(GrpcTransportTlsTest, WhoShowsNoCertificateIsNotHeard) {
  Peer member(loop_, Member(), Server());
  Peer plain(loop_, {});
  EXPECT_EQ(Ask(plain, member), std::nullopt);
  EXPECT_NE(reason_, "");
  GrpcTransportOptions anonymous;
  anonymous.credentials = grpc::SslCredentials({.pem_root_certs = kCaPem, .pem_private_key = "", .pem_cert_chain = ""});
  Peer stranger(loop_, anonymous);
  EXPECT_EQ(Ask(stranger, member), std::nullopt);
}

TEST_F(GrpcTransportTlsTest, WhoIsNotWhomWeDialIsToldNothing) {
  std::vector<std::string> reasons;
  GrpcTransportOptions options = Member("somebody.else");
  options.on_unreachable = [&](const Endpoint&, const std::string& reason) { reasons.push_back(reason); };
  Peer member(loop_, options, Server());
  Peer other(loop_, Member(), Server());
  EXPECT_EQ(Ask(member, other), std::nullopt);
  EXPECT_NE(reason_.find("Hostname Verification Check failed"), std::string::npos) << reason_;
  member.transport.Send(other.endpoint(), "secret");
  loop_.RunUntil([&] { return !reasons.empty(); });
  EXPECT_TRUE(other.heard.empty());
}

TEST_F(GrpcTransportTlsTest, WhoMaySpeakPlainTextTooFindsOutWhatThePeerSpeaks) {
  GrpcTransportOptions both = Member();
  both.plain_text_too = true;
  Peer member(loop_, both, Server());
  Peer plain(loop_, {});
  Peer secure(loop_, Member(), Server());
  while (Ask(member, plain) != "re hello") {
  }
  EXPECT_EQ(Ask(member, secure), "re hello");
  loop_.RunUntil([&] {
    loop_.Post([&] { member.transport.Send(plain.endpoint(), "x"); });
    return !plain.heard.empty();
  });
}

TEST_F(GrpcTransportTlsTest, APeerWithoutTlsIsToldNothing) {
  Peer member(loop_, Member(), Server());
  Peer plain(loop_, {});
  EXPECT_EQ(Ask(member, plain), std::nullopt);
  EXPECT_NE(reason_, "");
}

TEST_F(GrpcTransportTest, ShutdownEndsWhatIsUnderWayWithoutWaitingForThePeers) {
  Peer a(loop_, {});
  auto b = std::make_unique<Peer>(loop_, GrpcTransportOptions());
  for (int i = 0; i < 100; ++i) {
    a.transport.Send(b->endpoint(), std::string(1 << 20U, 'x'));
    b->transport.Send(a.endpoint(), std::string(1 << 20U, 'x'));
    b->transport.Call(a.endpoint(), "x", Duration::Seconds(1000), [](io::CallEnd, const std::string&) {});
  }
  AwaitHeard(*b, 1);
  b.reset();
  a.transport.Shutdown();
  a.transport.Shutdown();
  a.transport.Send(a.endpoint(), "ignored");
  a.transport.Call(a.endpoint(), "ignored", Duration::Seconds(1), [](io::CallEnd, const std::string&) { FAIL(); });
}

}  // namespace
}  // namespace metasrv::test
