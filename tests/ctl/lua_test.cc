#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "ctl/commands.h"
#include "ctl/lua_environment.h"
#include "ctl/lua_transaction.h"

namespace metasrv::ctl {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
  std::string error;   // empty: success
  std::string out;     // what the scripts printed
  std::string errors;  // what was said about tasks
};

Outcome RunSources(std::vector<LuaCommand::Source> sources, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream errors;
  testing::internal::CaptureStdout();
  const auto done = Execute(LuaCommand{std::move(sources)}, {in, out, errors});
  std::fflush(stdout);
  return {done ? "" : done.error(), testing::internal::GetCapturedStdout() + out.str(), errors.str()};
}

Outcome RunScript(const std::string& code) { return RunSources({{false, code}}); }

// What the expression is, through metactl.to_string.
std::string Shown(const std::string& expression) {
  const auto outcome = RunScript("io.write(metactl.to_string(" + expression + "))");
  return outcome.error + outcome.out;
}

TEST(Lua, SourcesRunInOrderAndShareOneState) {
  EXPECT_EQ("2\n3\n", RunSources({{false, "x = 1"}, {false, "x = x + 1; print(x)"}, {false, "print(x + 1)"}}).out);
}

TEST(Lua, WithoutSourcesStandardInputIsTheScript) {
  EXPECT_EQ("7\n", RunSources({}, "#!/usr/bin/env lua\nprint(3 + 4)").out);
  EXPECT_THAT(RunSources({}, "\nerror('bad')").error, HasSubstr("stdin:2: bad"));
}

TEST(Lua, AMissingFileIsAnErrorAfterTheEarlierSourcesRan) {
  const auto outcome = RunSources({{false, "print('first')"}, {true, "/nowhere/x.lua"}, {false, "print('later')"}});
  EXPECT_EQ("first\n", outcome.out);
  EXPECT_EQ("Failed to read Lua script file '/nowhere/x.lua': No such file or directory", outcome.error);
}

TEST(Lua, AnErrorNamesScriptLineAndCallersAndEndsTheRun) {
  const auto outcome = RunSources(
      {{false, "x = 1"}, {false, "local function f()\n error('boom')\nend\nf()"}, {false, "print('later')"}});
  EXPECT_THAT(outcome.error, StartsWith("Lua execution error: script 2:2: boom\nstack traceback:\n"));
  EXPECT_THAT(outcome.error, HasSubstr("script 2:4: in main chunk"));
  EXPECT_EQ("", outcome.out);
  EXPECT_THAT(RunScript("x = = 1").error, StartsWith("Lua execution error: script 1:1: unexpected symbol near '='"));
  EXPECT_THAT(RunScript("error(setmetatable({}, {__tostring = function() return 'mine' end}))").error,
              StartsWith("Lua execution error: mine\n"));
  EXPECT_THAT(RunScript("error()").error, StartsWith("Lua execution error: nil\n"));
}

TEST(Lua, LibrariesAreTheStandardOnesWithoutDebugAndModulesInC) {
  EXPECT_EQ("coroutine io math os package string table utf8\n", RunScript(R"(
      local there = {}
      for _, name in ipairs{'coroutine', 'debug', 'io', 'math', 'os', 'package', 'string', 'table', 'utf8'} do
        if _G[name] then there[#there + 1] = name end
      end
      print(table.concat(there, ' ')))")
                                                                    .out);
  EXPECT_EQ("nil\tnil\tnil\n", RunScript("print(package.loadlib, package.cpath, arg)").out);
  EXPECT_THAT(RunScript("require('socket.core')").error, HasSubstr("module 'socket.core' not found"));
}

TEST(Lua, ToStringIsOneLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"nil", "nil"},
      {"metactl.NULL", "NULL"},
      {"true", "true"},
      {"1", "1"},
      {"1.0", "1.0"},
      {"'a\"\\\\\\b\\t\\n\\f\\r\\0\\255é'", R"("a\"\\\b\t\n\f\r\x00\xFF\xC3\xA9")"},
      {"{}", "{}"},
      {"{118, 49}", "\"v1\""},
      {"{1, 256}", "{[1]=1,[2]=256}"},
      {"{1, nil, 3}", "{[1]=1,[3]=3}"},
      {"{1.0}", "{[1]=1.0}"},
      {"{b = 1, a = 2, [2] = 'x', [1.5] = 'y', [-1] = 'z'}", R"({[-1]="z",[1.5]="y",[2]="x","a"=2,"b"=1})"},
      {"{gone = metactl.NULL}", "{}"},
      {"{seq = 3, meta = {proposed_at_ms = 1700000000000}, data = {118, 49}}",
       R"({"data"="v1","meta"={"proposed_at_ms"=1700000000000},"seq"=3})"},
      {"{print}", "{[1]=<function>}"},
      {"io.stdout", "<userdata>"},
      {"coroutine.create(print)", "<thread>"},
      {"{[true] = 1}", "{[true]=1}"},
  };
  for (const auto& [expression, text] : cases) EXPECT_EQ(text, Shown(expression)) << expression;
  EXPECT_EQ("\"<bytes vector too large: 1048577 bytes>\"",
            Shown("(function() local t = {} for i = 1, 1048577 do t[i] = 0 end return t end)()"));
  EXPECT_THAT(RunScript("t = {}; t[1] = t; metactl.to_string(t)").error, HasSubstr("nested too deep"));
}

TEST(Lua, HelpersMakeTheTablesOfATransaction) {
  EXPECT_EQ(R"({"key"="k","op"="eq_seq","value"=3})", Shown("metactl.eq_seq('k', 3)"));
  EXPECT_EQ(R"({"key"="k","op"="ge_seq","value"=0})", Shown("metactl.ge_seq('k', 0)"));
  EXPECT_EQ(R"({"key"="k","op"="eq_value","value"="v"})", Shown("metactl.eq_value('k', 'v')"));
  EXPECT_EQ(R"({"key"="k","op"="put","value"="v"})", Shown("metactl.put_op('k', 'v')"));
  EXPECT_EQ(R"({"key"="k","op"="put","ttl"=1.5,"value"="v"})", Shown("metactl.put_op('k', 'v', 1.5)"));
  EXPECT_EQ(R"({"key"="k","op"="get"})", Shown("metactl.get_op('k')"));
  EXPECT_EQ(R"({"key"="k","op"="delete"})", Shown("metactl.delete_op('k')"));
  EXPECT_EQ(R"({"conditions"={},"else"={},"then"={}})", Shown("metactl.new_txn()"));
  EXPECT_EQ(R"({"conditions"={},"else"={},"then"={[1]={"key"="k","op"="get"}}})",
            Shown("metactl.new_txn(nil, {metactl.get_op('k')})"));
}

TEST(Lua, ZipfHasTheCheckValueOfTheSpecification) {
  EXPECT_EQ("24", Shown("metactl.ZipfGenerator:new(1000000, 1.2):generate_key_index(0.5)"));
  EXPECT_EQ("32", Shown("metactl.ZipfGenerator:new():generate_key_index(0.5)"));
  EXPECT_EQ(R"({"alpha"=1.0,"num_keys"=1000})", Shown("metactl.ZipfGenerator:new()"));
}

TEST(Lua, NowCountsMillisecondsFromTheStart) {
  EXPECT_EQ("true", Shown("math.type(metactl.now_ms()) == 'float' and metactl.now_ms() >= 0"));
}

// --- tasks

TEST(LuaTasks, ATaskStartsAtTheNextYieldAndJoinReturnsItsFirstValue) {
  EXPECT_EQ("main\ntask\n1\tnil\n", RunScript("local t = metactl.spawn(function() print('task') return 1, 2 end)\n"
                                              "print('main')\nlocal a, b = t:join()\nprint(a, b)")
                                        .out);
}

TEST(LuaTasks, SleepersWakeInTheOrderOfTheirTimes) {
  EXPECT_EQ("a\nb\nc\n", RunScript(R"(
      local tasks = {}
      for name, seconds in pairs{c = 0.06, a = 0, b = 0.03} do
        tasks[name] = metactl.spawn(function() metactl.sleep(seconds) print(name) end)
      end
      for _, task in pairs(tasks) do task:join() end)")
                             .out);
}

TEST(LuaTasks, JoiningTwiceSaysSoAndReturnsNil) {
  const auto outcome = RunScript("local t = metactl.spawn(function() return 1 end) print(t:join()) print(t:join())");
  EXPECT_EQ("1\nnil\n", outcome.out);
  EXPECT_EQ("Handle already consumed - task was already awaited\n", outcome.errors);
}

TEST(LuaTasks, AFailedTaskIsReportedAndTheScriptGoesOn) {
  const auto outcome = RunScript("local t = metactl.spawn(function() error('boom') end) print(t:join()) print('on')");
  EXPECT_EQ("nil\non\n", outcome.out);
  EXPECT_THAT(outcome.errors, StartsWith("Spawned task error: script 1:1: boom\nstack traceback:"));
}

TEST(LuaTasks, TasksLiveOnInTheNextSourceAndAreDroppedAtTheEnd) {
  const auto outcome =
      RunSources({{false, "metactl.spawn(function() while true do n = (n or 0) + 1 metactl.sleep(0) end end)"},
                  {false, "while (n or 0) < 3 do metactl.sleep(0) end print('seen')"}});
  EXPECT_EQ("seen\n", outcome.out);
  EXPECT_EQ("", outcome.error + outcome.errors);
}

TEST(LuaTasks, ACoroutineOfTheScriptMayWait) {
  EXPECT_EQ("1\n2\n",
            RunScript("local c = coroutine.wrap(function() metactl.sleep(0.001) coroutine.yield(1) return 2 end)\n"
                      "print(c()) print(c())")
                .out);
  EXPECT_EQ(
      "ab\n",
      RunScript("print((('xy'):gsub('.', function(c) metactl.sleep(0) return c == 'x' and 'a' or 'b' end)))").out);
}

TEST(LuaTasks, ATaskThatWaitsForItselfHoldsUpNobody) {
  EXPECT_EQ("nil\n",
            RunScript("local t t = metactl.spawn(function() t:join() end) metactl.sleep(0) print(t:join())").out);
}

TEST(LuaTasks, JoinInACoroutineOfTheScriptTakesAnEndedTaskAndRefusesToWait) {
  const std::string spawn = "local t = metactl.spawn(function() return 5 end) ";
  EXPECT_EQ("5\n", RunScript(spawn + "metactl.sleep(0) print(coroutine.wrap(function() return t:join() end)())").out);
  EXPECT_THAT(RunScript(spawn + "coroutine.wrap(function() t:join() end)()").error,
              HasSubstr("can not wait for another task in a coroutine"));
}

TEST(LuaTasks, SleepRefusesWhatIsNoDuration) {
  for (const char* seconds : {"-1", "0/0", "1/0"}) {
    EXPECT_THAT(RunScript(std::string("metactl.sleep(") + seconds + ")").error,
                HasSubstr("sleep: duration must be finite, non-negative, and representable"));
  }
}

// --- clients

TEST(LuaClients, AnUnreachableServerIsAnErrorValue) {
  const auto outcome = RunScript(R"(
      local grpc = metactl.new_grpc_client('127.0.0.1:99999')
      local function show(value, err) print(value, err:match('^gRPC error: ') ~= nil) end
      show(grpc:get('k'))
      show(grpc:upsert('k', 'v'))
      show(grpc:transaction({}))
      local admin = metactl.new_admin_client('127.0.0.1:99999')
      for _, name in ipairs{'metrics', 'status', 'list_features', 'trigger_snapshot', 'transfer_leader'} do
        local v, e = admin[name](admin)
        print(v, e:match('^Admin API error: ') ~= nil)
      end
      print(select('#', admin:set_feature('dummy', true))))");
  EXPECT_EQ("nil\ttrue\nnil\ttrue\nnil\ttrue\nnil\ttrue\nnil\ttrue\nnil\ttrue\nnil\ttrue\nnil\ttrue\n2\n", outcome.out)
      << outcome.error;
}

TEST(LuaClients, WrongArgumentTypesRaise) {
  for (const char* call : {"c:get()", "c:get({})", "c:get('\\255')", "c.get('k')", "c:upsert('k')", "c:transaction(1)",
                           "metactl.new_grpc_client()", "metactl.spawn(1)", "metactl.sleep('x')"}) {
    EXPECT_THAT(RunScript("local c = metactl.new_grpc_client('127.0.0.1:1')\n" + std::string(call)).error,
                HasSubstr("bad argument #"))
        << call;
  }
}

// --- transactions

std::expected<meta::TxnRequest, std::string> Transaction(const std::string& table) {
  lua_State* state = luaL_newstate();
  luaL_openlibs(state);
  EXPECT_EQ(0, luaL_dostring(state, ("return " + table).c_str())) << lua_tostring(state, -1);
  auto result = ReadTransaction(state, -1);
  EXPECT_EQ(1, lua_gettop(state));
  lua_close(state);
  return result;
}

TEST(LuaTransaction, AFullTableBecomesTheRequest) {
  const auto request = Transaction(R"({
      conditions = {{key = "a", op = "eq_seq", value = 3}, {key = "b", op = "ge_seq", value = 0},
                    {key = "c", op = "eq_value", value = "\0\255"}},
      ["then"] = {{op = "put", key = "d", value = "v", ttl = 0.57}, {op = "get", key = "e"}},
      ["else"] = {{op = "delete", key = "f"}}})");
  ASSERT_TRUE(request.has_value()) << request.error();
  EXPECT_EQ(
      "condition { key: \"a\" seq: 3 } condition { key: \"b\" seq: 0 expected: GE } "
      "condition { key: \"c\" value: \"\\000\\377\" } "
      "if_then { put { key: \"d\" value: \"v\" prev_value: true ttl_ms: 570 } } if_then { get { key: \"e\" } } "
      "else_then { delete { key: \"f\" prev_value: true } }",
      request->ShortDebugString());
  EXPECT_EQ("", Transaction("{}")->ShortDebugString());
  EXPECT_EQ(1250U, Transaction("{['then'] = {{op='put', key='k', value='v', ttl=1.25}}}")->if_then(0).put().ttl_ms());
}

TEST(LuaTransaction, EveryMistakeIsNamedWithItsPath) {
  const std::string put = "{['then'] = {{op='put', key='k', value='v', ";
  const std::pair<std::string, const char*> cases[] = {
      {"{x = 1}", "transaction: unknown field `x`"},
      {"{[1] = 1}", "transaction: field names must be strings"},
      {"{['\\255'] = 1}", "transaction: field names must be UTF-8"},
      {"{conditions = 1}", "transaction.conditions: must be an array, got integer"},
      {"{['then'] = 1.5}", "transaction[\"then\"]: must be an array, got number"},
      {"{['else'] = 'x'}", "transaction[\"else\"]: must be an array, got string"},
      {"{conditions = true}", "transaction.conditions: must be an array, got boolean"},
      {"{conditions = {[2] = {}}}", "transaction.conditions: must be a dense array"},
      {"{conditions = {a = {}}}", "transaction.conditions: must be a dense array"},
      {"{['then'] = {1}}", "transaction[\"then\"]: item 1 must be a table"},
      {"{conditions = {{op='eq_seq', value=1}}}", "transaction.conditions[1]: missing field `key`"},
      {"{conditions = {{key='k', value=1}}}", "transaction.conditions[1]: missing field `op`"},
      {"{conditions = {{op='eq_seq', key=5, value=1}}}",
       "transaction.conditions[1]: field `key` must be a string, got integer"},
      {"{conditions = {{op='eq_seq', key='\\255', value=1}}}", "transaction.conditions[1]: field `key` must be UTF-8"},
      {"{conditions = {{op='eq_seq', key='k', value=1.0}}}",
       "transaction.conditions[1]: field `value` must be a non-negative integer, got number"},
      {"{conditions = {{op='ge_seq', key='k', value=-1}}}",
       "transaction.conditions[1]: field `value` must be a non-negative integer, got integer"},
      {"{conditions = {{op='eq_value', key='k', value=1}}}",
       "transaction.conditions[1]: field `value` must be a string, got integer"},
      {"{conditions = {{op='lt', key='k', value=1}}}", "transaction.conditions[1]: unknown condition `lt`"},
      {"{['else'] = {{op='get', key='k'}, {op='cas', key='k'}}}", "transaction[\"else\"][2]: unknown operation `cas`"},
      {"{['then'] = {{op='put', key='k'}}}", "transaction[\"then\"][1]: missing field `value`"},
      {put + "ttl='1'}}}", "transaction[\"then\"][1]: field `ttl` must be a number, got string"},
      {put + "ttl=-1}}}", "transaction[\"then\"][1].ttl: duration must be finite, non-negative, and representable"},
      {put + "ttl=0/0}}}", "transaction[\"then\"][1].ttl: duration must be finite, non-negative, and representable"},
      {put + "ttl=1e17}}}", "transaction[\"then\"][1].ttl: duration exceeds the meta service limit"},
      {"{['then'] = {{op='get', key='k', ttl=1}}}", "transaction[\"then\"][1]: unknown field `ttl`"},
      {"{['else'] = {{op='delete', key='k', ttl=1}}}", "transaction[\"else\"][1]: unknown field `ttl`"},
  };
  for (const auto& [table, text] : cases) {
    const auto request = Transaction(table);
    EXPECT_EQ(text, request ? "accepted" : request.error()) << table;
  }
}

}  // namespace
}  // namespace metasrv::ctl
