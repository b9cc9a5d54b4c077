#pragma once

#include <fstream>
#include <string>

#include "server/tls_files.h"
#include "tests/io/tls_pems.h"
#include "tests/support/temp_dir.h"

namespace metasrv::test {

// The node of tls_pems.h as a server knows it: by files.
class PemFiles {
 public:
  PemFiles() {
    Write("ca.crt", kCaPem);
    Write("node.crt", kNodePem);
    Write("node.key", kNodeKeyPem);
  }

  [[nodiscard]] server::TlsFiles files() const {
    return {.cert = directory_ / "node.crt", .key = directory_ / "node.key", .ca = directory_ / "ca.crt"};
  }

 private:
  void Write(const std::string& name, const char* pem) const { std::ofstream(directory_ / name) << pem; }

  TempDir directory_;
};

}  // namespace metasrv::test
