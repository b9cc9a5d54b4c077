#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include "common/check.h"

namespace metasrv::node {

// The duty to tell somebody a Result, exactly once: telling twice and forgetting are bugs that end the process. Moves
// hand the duty on.
template <class Result>
class Answer {
 public:
  Answer() = default;  // nobody asked
  template <class Function>
  requires(!std::same_as<std::remove_cvref_t<Function>, Answer> && std::invocable<Function&, Result>)
      Answer(Function&& function)
      : function_(std::forward<Function>(function)), owed_(true) {}  // NOLINT(*-explicit-*)
  Answer(Answer&& other) noexcept : function_(std::move(other.function_)), owed_(std::exchange(other.owed_, false)) {}
  Answer& operator=(Answer&& other) noexcept {
    CHECK(!owed_);
    function_ = std::move(other.function_);
    owed_ = std::exchange(other.owed_, false);
    return *this;
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  ~Answer() { CHECK(!owed_); }

  // Requires: not told yet.
  void operator()(Result result) {
    CHECK(owed_);
    owed_ = false;
    auto function = std::move(function_);
    function(std::move(result));
  }

  [[nodiscard]] bool owed() const { return owed_; }

 private:
  std::move_only_function<void(Result)> function_;
  bool owed_ = false;
};

}  // namespace metasrv::node
