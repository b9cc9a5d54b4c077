// databend-metabench: the load generator. Everything it does is in src/bench.
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "bench/meta_workload.h"
#include "bench/run.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const char* address = std::getenv("METASRV_GRPC_API_ADDRESS");
  return metasrv::bench::Run("databend-metabench", std::vector<std::string>(argv + 1, argv + argc),
                             address == nullptr ? std::nullopt : std::optional<std::string>(address),
                             metasrv::bench::MetaProtocol(), std::cout, std::cerr);
}
