#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace metasrv {

// Called once with the full text of a failed CHECK before the process aborts; the simulator prints the seed and
// the last trace events here. It must not return to the failed code normally unless aborting is wanted.
using CheckFailureHook = void (*)(std::string_view message);
void SetCheckFailureHook(CheckFailureHook hook);

// A bug was found: reports `expression`, `detail` and the place, then aborts. Never returns.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression, const std::string& detail);

namespace internal {
template <class T>
std::string CheckText(const T& value) {
  if constexpr (requires { std::to_string(value); }) {
    return std::to_string(value);
  } else if constexpr (requires {
                         value.value();
                         std::to_string(value.value());
                       }) {
    return std::to_string(value.value());
  } else if constexpr (requires { ToString(value); }) {
    return ToString(value);
  } else if constexpr (std::convertible_to<T, std::string_view>) {
    return std::string(std::string_view(value));
  } else {
    return "?";
  }
}
}  // namespace internal

}  // namespace metasrv

// CHECK: what must hold whatever the input, the disk or the network does. Always on; a failure is a bug and aborts.
#define CHECK(condition) \
  (static_cast<bool>(condition) ? void(0) : ::metasrv::CheckFailed(__FILE__, __LINE__, #condition, ""))

#define METASRV_CHECK_OP(a, op, b)                                                                     \
  do {                                                                                                 \
    const auto& check_a = (a);                                                                         \
    const auto& check_b = (b);                                                                         \
    if (!(check_a op check_b)) {                                                                       \
      ::metasrv::CheckFailed(                                                                          \
          __FILE__, __LINE__, #a " " #op " " #b,                                                       \
          ::metasrv::internal::CheckText(check_a) + " vs " + ::metasrv::internal::CheckText(check_b)); \
    }                                                                                                  \
  } while (false)

#define CHECK_EQ(a, b) METASRV_CHECK_OP(a, ==, b)
#define CHECK_NE(a, b) METASRV_CHECK_OP(a, !=, b)
#define CHECK_LT(a, b) METASRV_CHECK_OP(a, <, b)
#define CHECK_LE(a, b) METASRV_CHECK_OP(a, <=, b)
#define CHECK_GT(a, b) METASRV_CHECK_OP(a, >, b)
#define CHECK_GE(a, b) METASRV_CHECK_OP(a, >=, b)
