#include "server/node_handle.h"

#include <charconv>
#include <future>
#include <memory>

#include "server/request_log.h"
#include "sm/layout.h"

namespace metasrv::server {
namespace {

// Clients split the hint at the first ':' and want a port behind it.
bool IsUsableHint(const std::string& address) {
  const std::size_t colon = address.find(':');
  if (colon == std::string::npos || colon == 0) return false;
  std::uint16_t port = 0;
  const char* end = address.data() + address.size();
  const auto [parsed, error] = std::from_chars(address.data() + colon + 1, end, port);
  return error == std::errc() && parsed == end;
}

}  // namespace

void NodeHandle::Run(std::move_only_function<void(node::Node&)> task) {
  loop_.Post([this, task = std::move(task)]() mutable { task(node_); });
}

void NodeHandle::Write(pb::Command command, std::function<void(node::WriteResult)> done) {
  done = LogWrite(command, std::move(done));
  loop_.Dispatch([this, command = std::move(command), done = std::move(done)]() mutable {
    node_.Write(std::move(command), std::move(done));
  });
}

void NodeHandle::WriteHere(pb::Command command, std::function<void(node::WriteResult)> done) {
  done = LogWrite(command, std::move(done));
  loop_.Dispatch([this, command = std::move(command), done = std::move(done)]() mutable {
    node_.WriteHere(std::move(command), std::move(done));
  });
}

void NodeHandle::Read(std::function<void(node::ReadResult)> done) {
  loop_.Dispatch([this, done = std::move(done)]() mutable { node_.Read(std::move(done)); });
}

void NodeHandle::Forward(pb::ForwardRequest request, std::function<void(pb::ForwardReply)> done) {
  loop_.Dispatch([this, request = std::move(request), done = std::move(done)]() mutable {
    node_.Forward(std::move(request), std::move(done));
  });
}

std::optional<node::NodeStatus> NodeHandle::WaitForStatus() {
  std::promise<node::NodeStatus> promise;
  auto future = promise.get_future();
  loop_.Post([this, promise = std::move(promise)]() mutable { promise.set_value(node_.status()); });
  try {
    return future.get();
  } catch (const std::future_error&) {
    return std::nullopt;  // the loop dropped the task
  }
}

std::optional<std::string> NodeHandle::LeaderHint() const {
  const auto leader = node_.leader();
  if (!leader) return std::nullopt;
  return LeaderHint(*leader);
}

std::optional<std::string> NodeHandle::LeaderHint(NodeId leader) const {
  const auto row = node_.LocalState()->Get(sm::NodeRow(leader));
  meta::Node record;
  if (!row || !record.ParseFromString(*row)) return std::nullopt;
  if (!IsUsableHint(record.grpc_api_advertise_address())) return std::nullopt;
  return record.grpc_api_advertise_address();
}

}  // namespace metasrv::server
