#include "server/commands.h"

#include <iostream>

#include "server/version.h"

namespace metasrv::server {
namespace {

constexpr std::string_view kKvApiPrefix = "kvapi::";

void PrintUsage(const std::string& command) {
  std::cerr << "Invalid cmd: " << command << "\n"
            << "Available cmds:\n"
            << "  --cmd ver\n"
            << "    Print version and min compatible meta-client version\n"
            << "  --cmd show-config\n"
            << "    Print effective config\n";
}

}  // namespace

std::string VersionLines() {
  return std::string("databend-meta v") + kProductVersion + "-" + kGitSha + "(" + kCompiler + "-" + kBuildTime + ")\n" +
         "min-compatible-client-version: " + kMinClientVersion + "\n" + "data-version: " + kDataVersionLong + "\n";
}

void RunCommand(const Config& config) {
  if (config.cmd == "ver") {
    std::cout << "version: " << kProductVersion << "\n"
              << "min-compatible-client-version: " << kMinClientVersion << "\n"
              << "data-version: " << kDataVersionLong << "\n";
  } else if (config.cmd == "show-config") {
    std::cout << "config:\n" << ShowConfig(config) << "\n";
  } else if (config.cmd.starts_with(kKvApiPrefix)) {
    const auto output = RunKvApi(config, config.cmd.substr(kKvApiPrefix.size()));
    (output ? std::cout : std::cerr) << (output ? *output : output.error()) << "\n";
  } else {
    PrintUsage(config.cmd);
  }
}

}  // namespace metasrv::server
