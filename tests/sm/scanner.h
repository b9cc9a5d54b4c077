#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/check.h"

namespace metasrv::testing {

// The time that the examples call T0.
inline constexpr std::uint64_t kT0 = 1'700'000'000'000;

// Walks one line of an example from left to right; a line it does not understand is a mistake in the table and aborts.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) { SkipSpace(); }

  [[nodiscard]] bool AtEnd() const { return rest_.empty(); }
  [[nodiscard]] bool Sees(std::string_view token) const { return rest_.starts_with(token); }

  // Takes `token` and the space behind it if it comes next.
  bool Take(std::string_view token) {
    if (!Sees(token)) return false;
    rest_.remove_prefix(token.size());
    SkipSpace();
    return true;
  }
  void Expect(std::string_view token) {
    if (!Take(token)) Fail(token);
  }
  // Everything up to a space or one of `stops`, or a quoted string.
  std::string Word(std::string_view stops = ",;:[](){}") {
    if (Sees("\"")) return Quoted();
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != ' ' && stops.find(rest_[end]) == std::string_view::npos) ++end;
    std::string word(rest_.substr(0, end));
    rest_.remove_prefix(end);
    SkipSpace();
    return word;
  }
  // "..." with \t, \" and \\.
  std::string Quoted() {
    std::string text;
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      if (rest_[i] == '\\') {
        ++i;
        text.push_back(rest_[i] == 't' ? '\t' : rest_[i]);
      } else {
        text.push_back(rest_[i]);
      }
    }
    if (!Sees("\"") || i >= rest_.size()) Fail("a quoted string");
    rest_.remove_prefix(i + 1);
    SkipSpace();
    return text;
  }
  template <class Integer>
  Integer Number() {
    if (Sees("+")) rest_.remove_prefix(1);
    Integer number = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), number);
    if (error != std::errc()) Fail("a number");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    SkipSpace();
    return number;
  }
  // "T0", "T0+500", "T0-500" or a plain number.
  std::uint64_t Time() {
    if (!Take("T0")) return Number<std::uint64_t>();
    if (!Sees("+") && !Sees("-")) return kT0;
    return kT0 + static_cast<std::uint64_t>(Number<std::int64_t>());
  }

 private:
  void SkipSpace() {
    while (Sees(" ")) rest_.remove_prefix(1);
  }
  [[noreturn]] void Fail(std::string_view wanted) const {
    CheckFailed(__FILE__, __LINE__, "example", "wanted " + std::string(wanted) + " at: " + std::string(rest_));
  }

  std::string_view rest_;
};

}  // namespace metasrv::testing
