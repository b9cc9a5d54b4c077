"""databend-metactl lua against a real server (metactl.md §5)."""

import os
import subprocess
import unittest

from harness import BIN, ClusterTest, metactl


class Lua(ClusterTest):
    def script(self, node, code):
        """What the script printed; `grpc` and `admin` are clients of the node."""
        prepared = f'grpc = metactl.new_grpc_client("{node.grpc_address}") admin = metactl.new_admin_client("{node.admin_address}")'
        result = metactl("lua", "--script", prepared, "--script", code)
        self.assertEqual((0, ""), (result.returncode, result.stderr), result.stdout)
        return result.stdout

    def test_clients_write_read_and_change_keys_of_a_running_node(self):
        node = self.node(1, single=True).start().wait_started()
        self.assertEqual("true\n", self.script(node, 'print(grpc:get("k") == metactl.NULL)'))
        self.assertRegex(self.script(node, 'print(metactl.to_string((grpc:upsert("k", "v\\0\\255"))))'),
                         r'\A\{"result"=\{"data"="v\\x00\\xFF","meta"=\{"proposed_at_ms"=\d+\},"seq"=1\}\}\n\Z')
        self.assertRegex(self.script(node, 'print(metactl.to_string((grpc:get("k"))))'),
                         r'\A\{"data"="v\\x00\\xFF","meta"=\{"proposed_at_ms"=\d+\},"seq"=1\}\n\Z')
        self.assertRegex(
            self.script(node, """
                local txn = metactl.new_txn({metactl.eq_value("k", "v\\0\\255"), metactl.ge_seq("k", 1)},
                  {metactl.put_op("t", "x", 60), metactl.get_op("k"), metactl.delete_op("k")})
                local reply = grpc:transaction(txn)
                print(reply.success, reply.execution_path, #reply.responses)
                print(reply.responses[1].response.Put.prev_value == metactl.NULL, reply.responses[1].response.Put.current.seq)
                print(reply.responses[1].response.Put.current.meta.expire_at // 1)
                print(reply.responses[2].response.Get.key, reply.responses[2].response.Get.value.seq)
                print(reply.responses[3].response.Delete.success, reply.responses[3].response.Delete.prev_value.seq)"""),
            r"\Atrue\tthen\t3\ntrue\t2\n\d+\nk\t1\ntrue\t1\n\Z")
        self.assertEqual("false\telse\tt\n", self.script(node, """
            local reply = grpc:transaction(metactl.new_txn({metactl.eq_seq("t", 9)}, {}, {metactl.get_op("t")}))
            print(reply.success, reply.execution_path, reply.responses[1].response.Get.key)"""))
        self.assertEqual("nil\tInvalid transaction: transaction[\"then\"][1]: unknown operation `cas`\n", self.script(
            node, 'print(grpc:transaction({["then"] = {{op = "cas", key = "k"}}}))'))

    def test_the_admin_client_answers_with_decoded_values(self):
        node = self.node(1, single=True).start().wait_started()
        self.assertEqual("Leader\t1\ntrue\n1\t1\t1\n", self.script(node, """
            local status = admin:status()
            print(status.state, status.voters[1].name)
            print(admin:trigger_snapshot())
            local transfer = admin:transfer_leader()
            print(transfer.from, transfer.to, transfer.voter_ids[1])"""))
        self.assertEqual('{"enabled"={},"features"={[1]="dummy",[2]="dummy_feature2"}}\ndummy\n', self.script(node, """
            print(metactl.to_string((admin:list_features())))
            print(admin:set_feature("dummy", true).enabled[1])"""))
        self.assertIn("metasrv_", self.script(node, "io.write(admin:metrics())"))
        self.assertRegex(self.script(node, 'print(select(2, admin:set_feature("nonsense", true)))'),
                         r"\AAdmin API error: status code: 400 Bad Request, msg: .+")

    def test_many_tasks_with_clients_of_their_own_share_one_thread(self):
        node = self.node(1, single=True).start().wait_started()
        calls = 20
        self.assertEqual(f"{64 * calls}\t{4 * calls}\n", self.script(node, f"""
            local written, read, tasks = 0, 0, {{}}
            metactl.spawn(function() while true do metactl.sleep(0.001) end end)
            for i = 1, 68 do
              tasks[i] = metactl.spawn(function()
                local own = metactl.new_grpc_client("{node.grpc_address}")
                for n = 1, {calls} do
                  if i <= 64 then
                    local reply, err = own:upsert("t" .. i, tostring(n))
                    assert(reply, err)
                    written = written + 1
                  else
                    local _, err = own:get("t" .. (i - 64))
                    assert(not err, err)
                    read = read + 1
                  end
                  metactl.sleep(0.001)
                end
              end)
            end
            for _, task in ipairs(tasks) do task:join() end
            print(written, read)"""))
        self.assertEqual(str(calls).encode(), node.get("t64"))

    def test_a_client_logs_in_again_when_the_server_was_restarted(self):
        node = self.node(1, single=True).start().wait_started()
        script = subprocess.Popen(
            [os.path.join(BIN, "databend-metactl"), "lua", "--script", f"""
                local grpc = metactl.new_grpc_client("{node.grpc_address}")
                print(grpc:upsert("k", "1").result.seq)
                io.read("l")
                local reply, err
                repeat
                  reply, err = grpc:upsert("k", "2")
                  if err then assert(err:match("Unavailable") or err:match("DeadlineExceeded"), err) metactl.sleep(0.05) end
                until reply
                print(reply.result.seq)"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(script.kill)
        self.assertEqual("1\n", script.stdout.readline())
        self.assertEqual(0, node.stop())
        node.start().wait_started()
        out, err = script.communicate("\n", timeout=60)
        self.assertEqual((0, "2\n", ""), (script.returncode, out, err))

    def test_a_failing_script_names_itself_and_its_line_and_ends_with_code_one(self):
        path = self.path("bad.lua")
        with open(path, "w", encoding="utf-8") as file:
            file.write("x = 1\nerror('no good')\n")
        result = metactl("lua", "--script", "print('first')", "--file", path, "--script", "print('later')")
        self.assertEqual((1, "first\n"), (result.returncode, result.stdout))
        self.assertRegex(result.stderr, r"\AError: Lua execution error: (\S*/)?bad\.lua:2: no good\nstack traceback:\n")
        self.assertEqual("7\n", metactl("lua", stdin="print(3 + 4)").stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
