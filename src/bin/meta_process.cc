#include "bin/meta_process.h"

#include <chrono>
#include <future>
#include <iostream>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "bin/node_options.h"
#include "io/real/data_dir.h"
#include "io/real/grpc_pollers.h"
#include "io/real/grpc_transport.h"
#include "io/real/os_clock.h"
#include "io/real/rocks_log_store.h"
#include "io/real/rocks_state_store.h"
#include "io/real/snapshot_mark.h"
#include "io/real/thread_loop.h"
#include "io/snapshot_id.h"
#include "node/node.h"
#include "server/admin_routes.h"
#include "server/client_api.h"
#include "server/grpc_server.h"
#include "server/http_server.h"
#include "server/log.h"
#include "server/raft_api.h"
#include "server/raft_secret.h"
#include "server/raft_tls.h"

namespace metasrv {
namespace {

using Status = std::expected<void, std::string>;

constexpr Duration kCallGrace = Duration::Seconds(1);
constexpr std::uint64_t kIdleGraceMs = 500;

std::uint64_t RandomSeed() {
  std::random_device random;
  return (std::uint64_t{random()} << 32U) | random();
}

server::PeerFigures ToFigures(const io::TransportStats& stats) {
  server::PeerFigures figures;
  for (const auto& [endpoint, traffic] : stats.peers) {
    figures.peers[endpoint] = {traffic.connected, traffic.sent_bytes, traffic.failures, traffic.connect_failures};
  }
  return figures;
}

server::StateFigures ToFigures(const io::StateFileStats& stats) {
  return {stats.data_bytes, stats.index_bytes, stats.blocks, stats.rows, stats.cache_hits, stats.cache_misses};
}

std::optional<server::Login> LoginOf(const server::Config& config) {
  if (!config.grpc_api_user || !config.grpc_api_password) return std::nullopt;
  return server::Login{*config.grpc_api_user, *config.grpc_api_password};
}

bool HoldsNode(const io::LogContents& log, bool has_entries, const sm::Reader& state) {
  return log.hard_state || log.purged || has_entries || state.Scan("", "")->Valid();
}

}  // namespace

// Members are listed in the order in which they are built; Close takes them down in reverse.
struct MetaProcess::Impl {
  explicit Impl(const server::Config& given) : config(given) {}

  Status OpenStores();
  Status StartNode();
  Status StartRaftPort();
  Status StartAdminPort();
  Status StartClientPort();
  void RunOnLoop(std::function<void()> task);
  void WarnOfOtherId() const;
  void MarkDurableState() const;

  const server::Config config;
  Events events;
  io::OsClock clock;
  const server::Sessions sessions{LoginOf(config)};
  server::Metrics metrics;
  server::TraceMetrics trace{server::MakeLogTraceSink()};
  std::optional<io::GrpcPollers> pollers;
  std::unique_ptr<server::RaftSecretGate> secrets;
  std::unique_ptr<io::DataDir> dir;
  io::ThreadLoop loop{clock};
  std::unique_ptr<io::RocksLogStore> log_store;
  std::unique_ptr<io::RocksStateStore> state_store;
  std::unique_ptr<io::GrpcTransport> transport;
  std::unique_ptr<node::Node> node;
  std::unique_ptr<server::NodeHandle> handle;
  std::unique_ptr<server::AdminContext> admin;
  std::unique_ptr<server::RaftApi> raft_api;
  std::unique_ptr<server::ClientApi> client_api;
  std::unique_ptr<server::GrpcServer> raft_port;
  std::thread loop_thread;
  std::unique_ptr<server::HttpServer> admin_port;
  std::unique_ptr<server::HttpServer> metric_port;
  std::unique_ptr<server::GrpcServer> client_port;
  bool initialised = false;
  bool closed = false;
};

Status MetaProcess::Impl::OpenStores() {
  auto opened = io::DataDir::Open(config.raft.raft_dir, io::DataDir::Missing::kCreate);
  if (!opened) return std::unexpected(opened.error().detail);
  dir = std::move(*opened);
  if (io::ReleaseReserve(config.raft.raft_dir, io::FreeDiskBytes(config.raft.raft_dir))) {
    server::LogWarn("disk of raft_dir full: the reserve was given up for this start; add space");
  }
  auto log = io::RocksLogStore::Open({.directory = dir->paths().log}, loop);
  if (!log) return std::unexpected(log.error().detail);
  log_store = std::move(*log);
  const std::size_t cache_bytes = config.raft.snapshot_db_block_cache_size;
  auto state = io::RocksStateStore::Open(
      {.directory = dir->paths().state, .block_cache_bytes = cache_bytes, .on_durable = [this] { MarkDurableState(); }},
      loop);
  if (!state) return std::unexpected(state.error().detail);
  state_store = std::move(*state);
  io::KeepReserve(config.raft.raft_dir);
  bool has_entries = false;
  const auto contents = log_store->Visit([&has_entries](const Entry&) { has_entries = true; });
  if (!contents) return std::unexpected(contents.error().detail);
  initialised = HoldsNode(*contents, has_entries, *state_store);
  if (!initialised) server::LogInfo("Initialize on-disk data at " + config.raft.raft_dir);
  return {};
}

Status MetaProcess::Impl::StartNode() {
  auto options = ToNodeOptions(config);
  if (!options) return std::unexpected(options.error());
  pollers.emplace();
  secrets = std::make_unique<server::RaftSecretGate>(config.raft, metrics, clock);
  io::GrpcTransportOptions network;
  network.message_bytes_max = config.raft.raft_grpc_max_message_size.value_or(network.message_bytes_max);
  auto credentials = server::RaftChannelCredentials(config.raft, server::PeerRole::kMember);
  if (!credentials) return std::unexpected(credentials.error());
  network.credentials = std::move(*credentials);
  network.plain_text_too = config.raft.raft_tls_optional;
  network.server_name = config.raft.raft_tls_domain;
  network.explain = [this](std::string reason) { return server::ExplainUnreachable(config.raft, std::move(reason)); };
  network.secret = config.raft.raft_secret.value_or("");
  network.check_secret = [this](const auto& secret, const std::string& from) { return secrets->Check(secret, from); };
  network.on_unreachable = [](const Endpoint& peer, const std::string& reason) {
    server::LogWarn("Raft NetworkConnection fail to connect: target=" + ToString(peer) + ": " + reason);
  };
  transport = std::make_unique<io::GrpcTransport>(std::move(network), loop, clock);
  server::LogInfo("Starting MetaNode, is-single: " + std::string(config.raft.single ? "true" : "false"));
  auto created = node::Node::Create(*options, {clock, loop, *transport, *log_store, *state_store, trace, RandomSeed(),
                                               [this](const std::string& reason) { events.fatal(reason); }});
  if (!created) return std::unexpected(created.error().detail);
  node = std::move(*created);
  handle = std::make_unique<server::NodeHandle>(loop, *node);
  WarnOfOtherId();
  return {};
}

void MetaProcess::Impl::WarnOfOtherId() const {
  if (!config.id_was_given || node->id().value() == config.raft.id) return;
  std::cerr << "Warning: the configured id " << config.raft.id << " is ignored: " << config.raft.raft_dir
            << " belongs to node " << node->id().value() << "\n";
}

void MetaProcess::Impl::MarkDurableState() const {
  const std::string id = io::SnapshotId(node->status().snapshot, clock.WallNow());
  if (const auto marked = io::MarkSnapshot(dir->paths().snapshot, id); !marked) {
    server::LogWarn("the snapshot " + id + " is complete, but has no name: " + marked.error().detail);
  }
}

Status MetaProcess::Impl::StartRaftPort() {
  raft_api = std::make_unique<server::RaftApi>(
      server::ServiceContext{*handle, sessions, metrics, clock},
      [this](const auto& secret, const std::string& from) { return secrets->Check(secret, from); });
  server::GrpcServerOptions options{.host = config.raft.raft_listen_host, .port = config.raft.raft_api_port};
  options.message_bytes_max = config.raft.raft_grpc_max_message_size.value_or(options.message_bytes_max);
  options.tls = server::RaftTlsFiles(config.raft);
  options.plain_text_too = config.raft.raft_tls_optional;
  auto started = server::GrpcServer::Start(options, [this](grpc::ServerBuilder& builder) {
    transport->Configure(builder);
    raft_api->Register(builder);
  });
  if (!started) return std::unexpected("bind raft service: " + started.error());
  raft_port = std::move(*started);
  if (options.tls.enabled()) server::LogInfo("Raft TLS enabled");
  if (options.tls.enabled() && options.plain_text_too) {
    server::LogWarn(
        "Raft TLS is optional: plain text is spoken, too; unset `raft_tls_optional` when every node has TLS");
  }
  server::LogInfo("Start raft service listening on: " + config.raft.raft_listen_host + ":" +
                  std::to_string(config.raft.raft_api_port));
  return {};
}

Status MetaProcess::Impl::StartAdminPort() {
  admin = std::make_unique<server::AdminContext>(
      server::AdminContext{*handle, metrics, trace, [this] { return ToFigures(transport->Stats()); },
                           [this] { return ToFigures(state_store->FileStats()); }, ShowConfig(config)});
  const server::TlsFiles tls{config.admin_tls_server_cert, config.admin_tls_server_key, config.admin_tls_client_ca};
  auto started = server::HttpServer::Start({config.admin_api_address, tls}, AdminRoutes(*admin));
  if (!started) return std::unexpected("Failed to start http server: " + started.error());
  admin_port = std::move(*started);
  tls.enabled() ? server::LogInfo("Http API TLS enabled") : server::LogWarn("Http API TLS not set");
  server::LogInfo("HTTP API server listening on " + config.admin_api_address);
  if (!config.metric_api_address) return {};
  auto metric_server = server::HttpServer::Start({*config.metric_api_address}, MetricRoutes(*admin));
  // An old key must never keep a node from starting (config-and-cli.md §2.4).
  metric_server          ? metric_port = std::move(*metric_server),
                  void() : server::LogWarn("`metric_api_address` is not served: " + metric_server.error());
  return {};
}

Status MetaProcess::Impl::StartClientPort() {
  client_api =
      std::make_unique<server::ClientApi>(server::ServiceContext{*handle, sessions, metrics, clock},
                                          server::ClientLimits{config.limits, config.watch.streams_per_connection_max});
  const auto listen = server::SplitHostPort(config.grpc_api_address);
  if (!listen) return std::unexpected("invalid socket address syntax while parsing " + config.grpc_api_address);
  server::GrpcServerOptions options{.host = listen->host, .port = listen->port};
  options.message_bytes_max = config.grpc_api_max_message_size.value_or(options.message_bytes_max);
  options.streams_per_connection_max = config.streams_per_connection_max;
  options.tls = {config.grpc_tls_server_cert, config.grpc_tls_server_key, config.grpc_tls_client_ca};
  auto started =
      server::GrpcServer::Start(options, [this](grpc::ServerBuilder& builder) { client_api->Register(builder); });
  if (!started) return std::unexpected("Databend meta service error: " + started.error());
  client_port = std::move(*started);
  if (options.tls.enabled()) {
    server::LogInfo("gRPC TLS enabled");
  } else if (!options.tls.cert.empty() || !options.tls.key.empty()) {
    server::LogWarn("gRPC TLS is off: only one of `grpc_tls_server_cert` and `grpc_tls_server_key` is set");
  }
  server::LogInfo("Databend meta server listening on " + config.grpc_api_address);
  return {};
}

// Runs `task` on the loop and waits for it; on this thread when the loop never started.
void MetaProcess::Impl::RunOnLoop(std::function<void()> task) {
  if (!loop_thread.joinable()) return task();
  std::promise<void> done;
  loop.Post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

MetaProcess::MetaProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetaProcess::~MetaProcess() { Close(); }

std::expected<std::unique_ptr<MetaProcess>, std::string> MetaProcess::Open(const server::Config& config) {
  auto impl = std::make_unique<Impl>(config);
  if (auto opened = impl->OpenStores(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<MetaProcess>(new MetaProcess(std::move(impl)));
}

bool MetaProcess::initialised() const { return impl_->initialised; }

std::expected<void, std::string> MetaProcess::Start(Events events) {
  impl_->events = std::move(events);
  if (auto done = impl_->StartNode(); !done) return done;
  if (auto done = impl_->StartRaftPort(); !done) return done;
  impl_->loop.Post([this] { impl_->node->Start(); });
  impl_->loop_thread = std::thread([this] { impl_->loop.Run(); });
  if (auto done = impl_->StartAdminPort(); !done) return done;
  return impl_->StartClientPort();
}

void MetaProcess::JoinAndRegister() {
  impl_->loop.Post([this] { impl_->node->JoinAndRegister(impl_->events.progress, impl_->events.registered); });
}

void MetaProcess::HandOver() {
  if (!impl_->loop_thread.joinable()) return;
  std::promise<void> done;
  impl_->loop.Post([&] { impl_->node->HandOver([&done] { done.set_value(); }); });
  done.get_future().wait();
}

bool MetaProcess::Close() {
  if (std::exchange(impl_->closed, true)) return true;
  Impl& p = *impl_;
  for (auto* port : {&p.admin_port, &p.metric_port}) {
    if (*port) (*port)->Stop();
  }
  p.RunOnLoop([&p] {
    if (p.node) p.node->StopWatches();
  });
  // The node still runs: calls that wait for it can end.
  if (p.client_port) p.client_port->Shutdown(kCallGrace);
  p.RunOnLoop([&p] {
    if (p.node) p.node->Stop();
    if (p.transport) p.transport->Shutdown();
  });
  if (p.raft_port) p.raft_port->Shutdown(kCallGrace);
  p.loop.Stop();
  if (p.loop_thread.joinable()) p.loop_thread.join();
  bool all_ended = true;
  for (auto* port : {&p.admin_port, &p.metric_port}) {
    if (!*port || (*port)->WaitStopped(kIdleGraceMs)) {
      port->reset();
    } else {
      port->release();
      all_ended = false;
    }
  }
  p.node.reset();
  p.raft_port.reset();
  p.client_port.reset();
  p.transport.reset();
  p.state_store.reset();
  p.log_store.reset();
  p.dir.reset();
  p.pollers.reset();
  return all_ended;
}

}  // namespace metasrv
