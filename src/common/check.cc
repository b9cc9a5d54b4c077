#include "common/check.h"

#include <cstdio>
#include <cstdlib>

namespace metasrv {
namespace {
CheckFailureHook failure_hook = nullptr;
}  // namespace

void SetCheckFailureHook(CheckFailureHook hook) { failure_hook = hook; }

void CheckFailed(const char* file, int line, const char* expression, const std::string& detail) {
  std::string message = std::string("CHECK failed: ") + expression;
  if (!detail.empty()) message += " (" + detail + ")";
  message += std::string(" at ") + file + ":" + std::to_string(line);
  if (failure_hook != nullptr) {
    failure_hook(message);
  }
  std::fprintf(stderr, "%s\n", message.c_str());
  std::abort();
}

}  // namespace metasrv
