#pragma once

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/prng.h"
#include "common/time.h"

namespace grpc {
class Channel;
}

namespace metasrv::bench {

// One call as it goes to the server.
struct Call {
  const char* method = nullptr;     // "/package.Service/Method"; lives as long as the program
  std::string request;              // serialized
  bool is_stream = false;           // the reply is a stream of any length; false: exactly one message
  std::size_t reply_bytes_min = 0;  // a shorter reply (of all messages together) counts as an error
};

// Sizes and counts that the operations share.
struct WorkloadOptions {
  std::string rpc;         // name of the operation
  std::string parameters;  // JSON object, or empty
  std::uint64_t prefix = 0;
  std::uint64_t key_count = 10000;
  std::size_t key_size = 32;
  std::size_t value_size = 256;
  std::uint64_t workers = 1;
};

// Headers for every call on a connection.
using Headers = std::vector<std::pair<std::string, std::string>>;

// Where calls go, and how long one may take.
struct CallTarget {
  std::shared_ptr<grpc::Channel> channel;
  Headers headers;
  Duration timeout;
};

// What the workers do. Immutable, hence thread-safe.
class Workload {
 public:
  virtual ~Workload() = default;
  // An operation takes several calls: each worker gets a thread of its own and calls Perform, otherwise Make.
  [[nodiscard]] virtual bool is_composite() const { return false; }
  // The call for operation `number` (from 0) of worker `worker` (from 1). Random choices come from `random`. Requires:
  // !is_composite().
  [[nodiscard]] virtual Call Make(std::uint64_t worker, std::uint64_t number, Prng& random) const = 0;
  // Runs one operation to its end. Errors: why it failed. Requires: is_composite().
  [[nodiscard]] virtual std::expected<void, std::string> Perform(std::uint64_t worker, std::uint64_t number,
                                                                 const CallTarget& target) const;
  // Pause of a worker between two operations.
  [[nodiscard]] virtual Duration pause() const { return {}; }
  // Operations per worker when the workload itself has an end; 0: none.
  [[nodiscard]] virtual std::uint64_t operations() const { return 0; }
};

// An API that can be put under load.
struct Protocol {
  // Logs in, with no time-out shorter than `timeout`. Errors: for the operator.
  std::expected<Headers, std::string> (*login)(const std::shared_ptr<grpc::Channel>& channel, Duration timeout);
  // Errors: an unknown name or bad parameters, for the operator.
  std::expected<std::unique_ptr<Workload>, std::string> (*make)(const WorkloadOptions& options);
};

// Key number `number` of `options`: "<prefix>-00..0<number>", filled with zeros up to key_size.
[[nodiscard]] std::string NumberedKey(const WorkloadOptions& options, std::uint64_t number);
// `size` bytes that do not compress to nothing.
[[nodiscard]] std::string RandomValue(std::size_t size, Prng& random);

}  // namespace metasrv::bench
