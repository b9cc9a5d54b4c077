// Runs tests/consensus/scripts/*.txt. To accept changed outputs: consensus_script_test --rewrite, then review the diff.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "consensus/print.h"
#include "tests/support/raft_cluster.h"
#include "tests/support/script.h"

namespace metasrv::test {
namespace {

bool rewrite = false;

NodeId Id(const std::string& word) { return NodeId(std::stoull(word)); }

std::function<bool(NodeId, NodeId)> Route(const std::vector<std::string>& words) {
  if (words.size() < 3) return [](NodeId, NodeId) { return true; };
  const bool any_from = words[1] == "*";
  const bool any_to = words[2] == "*";
  const NodeId from = any_from ? NodeId() : Id(words[1]);
  const NodeId to = any_to ? NodeId() : Id(words[2]);
  return [=](NodeId f, NodeId t) { return (any_from || f == from) && (any_to || t == to); };
}

// Interprets one command on the cluster and reports what became visible.
class Interpreter {
 public:
  Interpreter() : cluster_(Options()) {}

  std::string Run(const ScriptCase& item) {
    const std::string& verb = item.words[0];
    std::string output;
    if (verb == "nodes") {
      NodeSet ids;
      for (std::size_t i = 1; i < item.words.size(); ++i) ids.push_back(Id(item.words[i]));
      cluster_.Create(ids);
    } else if (verb == "cache-items") {
      cluster_.options().log_cache.items_max = std::stoull(item.words[1]);
    } else if (verb == "inflight-bytes") {
      cluster_.options().inflight_bytes_max = std::stoull(item.words[1]);
    } else if (verb == "empty-node") {
      cluster_.CreateEmpty(Id(item.words[1]));
    } else if (verb == "deliver") {
      for (const std::string& text : cluster_.Deliver(Route(item.words))) output += text + "\n";
    } else if (verb == "drop") {
      output += "dropped " + std::to_string(cluster_.Drop(Route(item.words))) + "\n";
    } else if (verb == "copy") {
      cluster_.Copy(Route(item.words));
    } else if (verb == "replay") {
      cluster_.Replay();
    } else if (verb == "stabilize") {
      cluster_.Stabilize();
    } else if (verb == "status" || verb == "log" || verb == "applied") {
      return Show(verb);
    } else {
      NodeCommand(item);
    }
    for (const std::string& answer : cluster_.TakeAnswers()) output += answer + "\n";
    return output + Changes();
  }

  bool Converge() { return cluster_.Converge(); }

 private:
  static RaftOptions Options() {
    RaftOptions options;
    options.heartbeat_interval = Duration::Millis(100);
    options.election_timeout_min = Duration::Millis(1000);
    options.election_timeout_max = Duration::Millis(1500);
    options.append_entries_max = 8;
    options.inflight_max = 4;
    return options;
  }

  void NodeCommand(const ScriptCase& item) {
    const std::string& verb = item.words[0];
    if (verb == "advance") return cluster_.Advance(Duration::Millis(std::stoll(item.words[1])));
    if (verb == "heal") return cluster_.Heal();
    const NodeId id = Id(item.words.at(1));
    if (verb == "campaign") return cluster_.Step(id, Campaign{});
    if (verb == "crash") return cluster_.Crash(id);
    if (verb == "restart") return cluster_.Restart(id);
    if (verb == "isolate") return cluster_.Isolate(id);
    if (verb == "persist") return cluster_.Persist(id);
    if (verb == "slow-reads") return void(cluster_.disk(id).slow_reads = true);
    if (verb == "read-log") return cluster_.Read(id);
    if (verb == "stall-disk") return void(cluster_.disk(id).manual = true);
    if (verb == "propose") return cluster_.Step(id, Propose{{{RequestId(++request_), item.words.at(2)}}});
    if (verb == "read") return cluster_.Step(id, Read{RequestId(++request_)});
    if (verb == "compact") return cluster_.Step(id, Compact{LogIndex(std::stoull(item.words.at(2)))});
    if (verb == "transfer") return Transfer(id, item);
    if (verb == "disk") return cluster_.Step(id, DiskHealth{Level(item.words.at(2))});
    if (verb == "add-voter") return Change(id, item, MembershipGoal::kVoter);
    if (verb == "add-learner") return Change(id, item, MembershipGoal::kLearner);
    if (verb == "force-single-voter") return cluster_.Step(id, ForceSingleVoter{RequestId(++request_)});
    if (verb == "remove") return Change(id, item, MembershipGoal::kAbsent);
    ADD_FAILURE() << "unknown command: " << item.command;
  }

  void Transfer(NodeId id, const ScriptCase& item) {
    const auto to = item.words.size() > 2 ? std::optional(Id(item.words[2])) : std::nullopt;
    cluster_.Step(id, TransferLeadership{.id = RequestId(++request_), .to = to});
  }

  static DiskLevel Level(const std::string& word) {
    if (word == "ok") return DiskLevel::kOk;
    return word == "slow" ? DiskLevel::kSlow : DiskLevel::kStalled;
  }

  void Change(NodeId id, const ScriptCase& item, MembershipGoal goal) {
    cluster_.Step(id, ChangeMembership{.id = RequestId(++request_), .node = Id(item.words.at(2)), .goal = goal});
  }

  std::string Show(const std::string& verb) {
    std::string output;
    for (NodeId id : cluster_.ids()) {
      if (verb == "status") output += cluster_.StatusLine(id) + "\n";
      if (verb == "log" && cluster_.IsUp(id)) {
        output += std::to_string(id.value()) + ":";
        const Log& log = cluster_.raft(id).core().log();
        for (LogIndex i = log.begin(); i < log.end(); i = i.Next()) {
          output += " " + (i < log.cached_begin() ? Print(log.IdAt(i)) + ":(on disk)" : Print(log.At(i)));
        }
        output += "\n";
      }
      if (verb == "applied") {
        output += std::to_string(id.value()) + ":";
        for (const std::string& payload : cluster_.applied(id)) output += " " + payload;
        output += "\n";
      }
    }
    return output;
  }

  // The status lines that differ from the last ones shown.
  std::string Changes() {
    std::string output;
    for (NodeId id : cluster_.ids()) {
      const std::string line = cluster_.StatusLine(id);
      if (shown_[id] != line) output += line + "\n";
      shown_[id] = line;
    }
    return output;
  }

  RaftCluster cluster_;
  std::map<NodeId, std::string> shown_;
  std::uint64_t request_ = 0;
};

class ConsensusScript : public testing::TestWithParam<std::string> {};

TEST_P(ConsensusScript, GivesTheExpectedTranscriptAndConvergesInTheEnd) {
  Interpreter interpreter;
  const auto differences =
      RunScript(GetParam(), rewrite, [&](const ScriptCase& item) { return interpreter.Run(item); });
  for (const std::string& difference : differences) ADD_FAILURE() << difference;
  EXPECT_TRUE(interpreter.Converge());
}

std::vector<std::string> ScriptFiles() {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(METASRV_SOURCE_DIR "/tests/consensus/scripts")) {
    if (entry.path().extension() == ".txt") files.insert(entry.path().string());
  }
  return {files.begin(), files.end()};
}

INSTANTIATE_TEST_SUITE_P(Scripts, ConsensusScript, testing::ValuesIn(ScriptFiles()),
                         [](const testing::TestParamInfo<std::string>& file) {
                           std::string name = std::filesystem::path(file.param).stem().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace metasrv::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  metasrv::test::rewrite = argc > 1 && std::string(argv[1]) == "--rewrite";
  return RUN_ALL_TESTS();
}
