#include "sim/cli/shrink.h"

#include <map>
#include <optional>

#include "sim/cli/sweep.h"
#include "sim/options.h"

namespace metasrv::sim {
namespace {

class Shrinker {
 public:
  Shrinker(std::uint64_t seed, std::vector<std::string> overrides, std::string mutant)
      : seed_(seed), mutant_(std::move(mutant)) {
    result_.overrides = std::move(overrides);
  }

  ShrinkResult Go() {
    result_.property = PropertyBroken(result_.overrides);
    if (result_.property.empty()) return result_;
    constexpr int kPassesMax = 4;
    for (int pass = 0; pass < kPassesMax; ++pass) {
      const std::size_t before = result_.overrides.size();
      const std::uint64_t fault_ms = Value("fault_ms");
      RunPass();
      if (result_.overrides.size() == before && Value("fault_ms") == fault_ms) break;
    }
    return result_;
  }

 private:
  [[nodiscard]] std::string PropertyBroken(const std::vector<std::string>& overrides) {
    SweepPlan plan;
    plan.first = seed_;
    plan.overrides = overrides;
    plan.mutant = mutant_;
    plan.quiet = true;
    ++result_.runs;
    const SweepResult result = Sweep(plan);
    return result.failures.empty() ? "" : result.failures.front().property;
  }

  [[nodiscard]] std::map<std::string, std::uint64_t> Values() const {
    RunOptions options = DeriveOptions(seed_);
    for (const std::string& assignment : result_.overrides) static_cast<void>(Override(options, assignment));
    std::map<std::string, std::uint64_t> values;
    for (const std::string& line : Describe(options)) {
      const auto equals = line.find('=');
      values[line.substr(0, equals)] = std::stoull(line.substr(equals + 1));
    }
    return values;
  }
  [[nodiscard]] std::uint64_t Value(const std::string& name) const { return Values().at(name); }

  bool Try(const std::string& name, std::uint64_t value) {
    if (Value(name) == value) return false;
    std::vector<std::string> overrides = result_.overrides;
    std::erase_if(overrides, [&](const std::string& assignment) { return assignment.starts_with(name + "="); });
    overrides.push_back(name + "=" + std::to_string(value));
    if (PropertyBroken(overrides) != result_.property) return false;
    result_.overrides = std::move(overrides);
    return true;
  }

  void RunPass() {
    for (const auto& [name, value] : Values()) {
      const bool fault = name.ends_with("_every_ms") || name.ends_with("_ppm") || name.starts_with("weight_");
      if (fault && name != "weight_put") Try(name, 0);
    }
    for (const char* name :
         {"learners", "join_under_faults", "healing", "torn_writes", "quiet_tail_ms", "wall_skew_max_ms"}) {
      Try(name, 0);
    }
    for (const std::uint64_t nodes : {1, 2, 3, 4}) {
      if (nodes < Value("nodes") && Try("nodes", nodes)) break;
    }
    Try("clients", 1);
    Try("keys", 1);
    while (Value("fault_ms") > 200 && Try("fault_ms", Value("fault_ms") / 2)) continue;
    while (Value("fault_ms") > 200 && Try("fault_ms", Value("fault_ms") * 4 / 5)) continue;
  }

  std::uint64_t seed_;
  std::string mutant_;
  ShrinkResult result_;
};

}  // namespace

ShrinkResult Shrink(std::uint64_t seed, std::vector<std::string> overrides, const std::string& mutant) {
  return Shrinker(seed, std::move(overrides), mutant).Go();
}

}  // namespace metasrv::sim
