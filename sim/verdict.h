#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace metasrv::sim {

// What a judge enforces: a short name, the sentence a reader can check the code against, and where the sentence is
// from.
struct Property {
  const char* name;
  const char* sentence;
  const char* source;
};

// Why a run failed; the value is the exit code of a single run.
enum class FailureClass : std::uint8_t { kCorrectness = 1, kLiveness = 2, kNondeterminism = 3, kCrash = 4 };

[[nodiscard]] inline const char* ToString(FailureClass failure_class) {
  switch (failure_class) {
    case FailureClass::kCorrectness: return "correctness";
    case FailureClass::kLiveness: return "liveness";
    case FailureClass::kNondeterminism: return "nondeterminism";
    case FailureClass::kCrash: return "crash";
  }
  return "?";
}

struct Failure {
  FailureClass failure_class{};
  Property property{};
  std::string detail;
};

// Where judges report. The first report is kept: what follows a broken promise proves nothing.
class Verdict {
 public:
  void Broken(const Property& property, std::string detail) {
    Report(FailureClass::kCorrectness, property, std::move(detail));
  }
  void NotLive(const Property& property, std::string detail) {
    Report(FailureClass::kLiveness, property, std::move(detail));
  }

  [[nodiscard]] bool failed() const { return failure_.has_value(); }
  [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

 private:
  void Report(FailureClass failure_class, const Property& property, std::string detail) {
    if (!failure_) failure_ = Failure{failure_class, property, std::move(detail)};
  }

  std::optional<Failure> failure_;
};

}  // namespace metasrv::sim
