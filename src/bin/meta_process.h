#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "server/config.h"

namespace metasrv {

// A serving node: the real world put together around server::Node's layers (docs/ARCHITECTURE.md). Every port is open
// and the node runs from Open to Close.
class MetaProcess {
 public:
  // What happens while it runs, reported from other threads.
  struct Events {
    std::function<void(const std::string& line)> progress;             // for the operator's terminal
    std::function<void(std::expected<void, std::string>)> registered;  // at most once
    std::function<void(const std::string& reason)> fatal;              // the process should exit
  };

  // Opens the data directory alone, so that its state can be shown and judged. Errors: text for the operator.
  [[nodiscard]] static std::expected<std::unique_ptr<MetaProcess>, std::string> Open(const server::Config& config);
  ~MetaProcess();
  MetaProcess(const MetaProcess&) = delete;
  MetaProcess& operator=(const MetaProcess&) = delete;

  // The directory belongs to a node already.
  [[nodiscard]] bool initialised() const;

  // Starts the node, then opens the raft, admin and client ports (config-and-cli.md §5.1, steps 12 to 16).
  // Errors: text for the operator; the process should exit.
  [[nodiscard]] std::expected<void, std::string> Start(Events events);

  // Joins and registers (steps 17, 18); the outcome is an event.
  void JoinAndRegister();

  // Hands leadership over when this node leads, while everything goes on being served; returns when that is done or
  // when it can not be had in time (config-and-cli.md §6.11).
  void HandOver();

  // Closes the ports, lets running calls end, stops the node and closes the stores. Idempotent.
  // Returns false when idle connections still hold threads: the process must then end without cleaning up.
  bool Close();

 private:
  struct Impl;
  explicit MetaProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace metasrv
