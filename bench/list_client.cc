// list-client ADDRESS PREFIX PAUSE_AFTER: lists a prefix. Stops reading behind PAUSE_AFTER items, says "paused" and
// waits for a line on stdin; then reads the rest and prints "items N bytes N" (of keys and values).
#include <cstdint>
#include <iostream>
#include <string>

#include "ctl/meta_client.h"

namespace {

using metasrv::ctl::MetaClient;

constexpr metasrv::Duration kTimeout = metasrv::Duration::Seconds(15);

void Pause() {
  std::cout << "paused" << std::endl;
  std::string line;
  std::getline(std::cin, line);
}

int Fail(const std::string& text) {
  std::cerr << text << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return Fail("usage: list-client ADDRESS PREFIX PAUSE_AFTER");
  const std::uint64_t pause_after = std::stoull(argv[3]);
  auto client = MetaClient::Connect(argv[1], kTimeout);
  if (!client) return Fail(client.error());
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
  auto listed = (*client)->List(argv[2], [&](const meta::StreamItem& item) -> MetaClient::Done {
    ++items;
    bytes += item.key().size() + item.value().data().size();
    if (items == pause_after) Pause();
    return {};
  });
  if (!listed) return Fail(listed.error());
  std::cout << "items " << items << " bytes " << bytes << std::endl;
  return 0;
}
