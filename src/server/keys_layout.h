#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta.pb.h"
#include "sm/store.h"

namespace metasrv::server {

// Counts the keys below every directory of the key space, children before parents, the grand total last
// (grpc-api.md §8.3). Produces one item at a time and holds one row and one path.
class KeysLayout {
 public:
  // `depth_max`: longest path reported, in segments; none: all.
  KeysLayout(std::shared_ptr<const sm::Reader> state, std::optional<std::uint32_t> depth_max);

  // The next item, or none at the end.
  [[nodiscard]] std::optional<meta::KeysCount> Next();

 private:
  struct Directory {
    std::string path;
    std::uint64_t count = 0;
  };

  void CountKey(std::string_view key);
  // Reports and forgets the open directories beyond the first `kept`.
  void LeaveDirectories(std::size_t kept);

  std::shared_ptr<const sm::Reader> state_;
  std::optional<std::uint32_t> depth_max_;
  std::unique_ptr<sm::Iterator> rows_;
  std::vector<Directory> open_;  // from the top down to the directory of the last key
  std::deque<meta::KeysCount> ready_;
  std::uint64_t total_ = 0;
};

}  // namespace metasrv::server
