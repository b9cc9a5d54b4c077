// databend-metactl: the control tool. Everything it does is in src/ctl; this joins it with the real stores.
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "bin/real_directory.h"
#include "ctl/run.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const char* address = std::getenv("METASRV_GRPC_API_ADDRESS");
  return metasrv::ctl::Run(std::vector<std::string>(argv + 1, argv + argc),
                           address == nullptr ? std::nullopt : std::optional<std::string>(address),
                           metasrv::OpenRealDirectory, {std::cin, std::cout, std::cerr, isatty(STDERR_FILENO) == 1});
}
