#include <memory>
#include <utility>
#include <vector>

#include "ctl/commands.h"
#include "ctl/meta_client.h"
#include "ctl/print.h"
#include "ctl/probe.h"

namespace metasrv::ctl {
namespace {

constexpr Duration kTimeout = Duration::Seconds(2);

// The commands that name their server on standard error and do not wait longer than two seconds (metactl.md §1.3).
MetaClient::Result<std::unique_ptr<MetaClient>> Announce(const std::string& address, const Terminal& terminal) {
  terminal.err << "Using gRPC API address: [\"" << address << "\"]" << std::endl;
  return MetaClient::Connect(address, kTimeout);
}

}  // namespace

CommandResult Execute(const StatusCommand& command, const Terminal& terminal) {
  auto client = MetaClient::Connect(command.grpc_address, std::nullopt);
  if (!client) return std::unexpected(client.error());
  const auto status = (*client)->Status();
  if (!status) return std::unexpected(status.error());
  terminal.out << StatusText(*status);
  return {};
}

CommandResult Execute(const GetCommand& command, const Terminal& terminal) {
  auto client = Announce(command.grpc_address, terminal);
  if (!client) return std::unexpected(client.error());
  const auto record = (*client)->Get(command.key);
  if (!record) return std::unexpected(record.error());
  terminal.out << GetText(*record);
  return {};
}

CommandResult Execute(const UpsertCommand& command, const Terminal& terminal) {
  auto client = Announce(command.grpc_address, terminal);
  if (!client) return std::unexpected(client.error());
  const auto reply = (*client)->Upsert(command.key, command.value);
  if (!reply) return std::unexpected(reply.error());
  terminal.out << UpsertText(*reply);
  return {};
}

CommandResult Execute(const WatchCommand& command, const Terminal& terminal) {
  auto client = Announce(command.grpc_address, terminal);
  if (!client) return std::unexpected(client.error());
  std::string prefix = command.prefix;
  while (prefix.ends_with('/')) prefix.pop_back();
  meta::WatchRequest request;
  request.set_key(prefix + "/");
  request.set_key_end(prefix + "0");  // the character after '/'
  request.set_initial_flush(true);
  return (*client)->Watch(request, [&terminal](const meta::WatchResponse& event) -> CommandResult {
    terminal.out << WatchText(event) << std::flush;
    if (!terminal.out) return std::unexpected("can not write to standard output");
    return {};
  });
}

CommandResult Execute(const MemberListCommand& command, const Terminal& terminal) {
  auto client = Announce(command.grpc_address, terminal);
  if (!client) return std::unexpected(client.error());
  const auto members = (*client)->MemberList();
  if (!members) return std::unexpected(members.error());
  for (const auto& member : *members) terminal.out << member << '\n';
  return {};
}

CommandResult Execute(const KeysLayoutCommand& command, const Terminal& terminal) {
  const std::string depth = command.depth ? "Some(" + std::to_string(*command.depth) + ")" : "None";
  terminal.err << "\nKeys Layout:\n    From: online meta-service: " << command.grpc_address << "\n    Depth: " << depth
               << std::endl;
  std::string warnings;
  auto alive = ProbeServer(command.grpc_address, &warnings);
  terminal.err << warnings;
  if (!alive) return alive;
  auto client = MetaClient::Connect(command.grpc_address, std::nullopt);
  if (!client) return std::unexpected(client.error());
  return (*client)->KeysLayout(command.depth, [&terminal](const meta::KeysCount& item) -> CommandResult {
    terminal.out << item.prefix() << ' ' << item.count() << '\n';
    return {};
  });
}

CommandResult Execute(const BenchConnectionsCommand& command, const Terminal& terminal) {
  terminal.out << "loop: connect to metasrv " << command.grpc_address
               << ", get_kv('foo'), do not drop the connection, num=" << command.count << std::endl;
  std::vector<std::unique_ptr<MetaClient>> open;
  for (std::uint64_t i = 1; i <= command.count; ++i) {
    auto client = MetaClient::Connect(command.grpc_address, std::nullopt);
    if (!client) return std::unexpected(client.error());
    const auto record = (*client)->Get("foo");
    terminal.out << i
                 << "-th: get_kv(foo): " << (record ? "Ok(" + RecordText(*record) + ")" : "Err(" + record.error() + ")")
                 << std::endl;
    open.push_back(std::move(*client));
  }
  terminal.out << "bench completed: " << open.size() << " connections created" << std::endl;
  return {};
}

}  // namespace metasrv::ctl
