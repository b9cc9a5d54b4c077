// register-client ADDRESS: a client for scripts. Reads "put KEY VALUE" and "get KEY" from stdin, one per line, and
// answers each with "ok", "ok VALUE", "none" or "error TEXT". Connects anew after an error.
#include <iostream>
#include <sstream>
#include <string>

#include "ctl/meta_client.h"

namespace {

using metasrv::ctl::MetaClient;

constexpr metasrv::Duration kTimeout = metasrv::Duration::Seconds(15);

std::string Answer(MetaClient& client, const std::string& line, bool& failed) {
  std::istringstream in(line);
  std::string verb;
  std::string key;
  std::string value;
  in >> verb >> key >> value;
  const auto error = [&failed](const std::string& text) {
    failed = true;
    return "error " + text;
  };
  if (verb == "put") {
    const auto written = client.Upsert(key, value);
    return written ? "ok" : error(written.error());
  }
  if (verb != "get") return "error unknown command: " + line;
  const auto record = client.Get(key);
  if (!record) return error(record.error());
  return record->has_value() ? "ok " + (*record)->data() : "none";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: register-client ADDRESS\n";
    return 2;
  }
  std::unique_ptr<MetaClient> client;
  for (std::string line; std::getline(std::cin, line);) {
    if (client == nullptr) {
      auto connected = MetaClient::Connect(argv[1], kTimeout);
      if (!connected) {
        std::cout << "error " << connected.error() << std::endl;
        continue;
      }
      client = std::move(*connected);
    }
    bool failed = false;
    const std::string answer = Answer(*client, line, failed);
    std::cout << answer.substr(0, answer.find('\n')) << std::endl;
    if (failed) client = nullptr;
  }
  return 0;
}
