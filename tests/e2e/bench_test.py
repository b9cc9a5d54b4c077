"""The load generator against a real node: counts and shapes, never times."""

import json
import os
import re
import subprocess
import unittest

from harness import BIN, PATIENCE_SECONDS, ClusterTest, keys_of


def metabench(*arguments):
    return subprocess.run([os.path.join(BIN, "databend-metabench"), *arguments], capture_output=True, text=True,
                          timeout=PATIENCE_SECONDS, check=False)


class Bench(ClusterTest):
    def setUp(self):
        super().setUp()
        self.one = self.node(1, single=True).start().wait_started()

    def run_json(self, rpc, *arguments):
        done = metabench("--json", "--rpc", rpc, "--grpc-api-address", self.one.grpc_address, "--key-count", "300",
                         "--pid", str(self.one.process.pid), *arguments)
        self.assertEqual(0, done.returncode, done.stderr)
        return json.loads(done.stdout)

    def test_every_operation_runs_as_often_as_asked_for_and_is_counted(self):
        filled = self.run_json("fill", "--client", "2")
        self.assertEqual((4, 0), (filled["success"], filled["error"]))
        for rpc in ("put", "get", "txn", "mixed", "upsert_kv", "list", 'table_copy_file:{"file_cnt":3}'):
            result = self.run_json(rpc, "--client", "4", "--client-pool-size", "2", "--threads", "2", "--number", "25")
            self.assertEqual((100, 100, 0, ""), (result["total"], result["success"], result["error"], result["first_error"]), rpc)
            self.assertEqual({"avg", "p50", "p90", "p95", "p99", "p99_9", "max"}, set(result["latency_us"]))
            self.assertEqual([str(self.one.process.pid)], list(result["server_cpu_us_per_op"]))
            self.assertEqual((4, 2, rpc.split(":")[0]), (result["clients"], result["connections"], result["rpc"]))
        self.assertEqual(b"0-3-24", self.one.get("0-3-24"))

    def test_semaphores_are_acquired_in_turn_and_released(self):
        for parameters in ('{"capacity":2,"hold_ms":20}', '{"capacity":1,"hold_ms":5,"semaphores":2,"time_based":true}'):
            result = self.run_json("semaphore:" + parameters, "--client", "4", "--number", "5")
            self.assertEqual((20, 0, ""), (result["success"], result["error"], result["first_error"]), parameters)
        queued = [key for key in keys_of(self.one.export()) if "/queue/" in key]
        self.assertEqual([], queued)

    def test_the_text_has_the_lines_of_the_specification(self):
        done = metabench("--client", "2", "--number", "101", "--grpc-api-address", self.one.grpc_address)
        self.assertEqual(0, done.returncode, done.stderr)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^config: Config \{ prefix: 0, client: 2, .*\}$")
        self.assertEqual("effective client_pool_size: 1", lines[1])
        results = [line for line in lines if "-th upsert_kv result: Ok(" in line]
        self.assertEqual(["         0-th"] * 2 + ["       100-th"] * 2, sorted(line[:13] for line in results))
        self.assertRegex(lines[-3], r"^benchmark client\(2\) \* number\(101\) in \d+ milliseconds$")
        summary = dict(re.findall(r"(\w+)=(\S+)", lines[-2]))
        self.assertEqual(("202", "202", "0", "1"), tuple(summary[name] for name in ("total", "success", "error", "client_pool_size")))
        self.assertIn("p99_us", summary)
        self.assertRegex(lines[-1], r"^benchmark latency histogram:( b\d+\[\d+us,\d+us\)=\d+)+$")

    def test_a_run_can_end_after_a_time_instead_of_a_number(self):
        result = self.run_json("put", "--client", "2", "--number", "1000000000", "--run-secs", "1")
        self.assertGreater(result["success"], 0)
        self.assertEqual(0, result["error"])

    def test_failed_operations_are_counted_and_do_not_fail_the_run(self):
        result = self.run_json("get", "--client", "1", "--number", "3")
        self.assertEqual((3, 0, 3), (result["total"], result["success"], result["error"]))
        self.assertIn("bytes", result["first_error"])

    def test_wrong_use_is_told(self):
        self.assertEqual((0, True), (metabench().returncode, "grpc_api_address MUST not be empty!" in metabench().stdout))
        self.assertEqual(2, metabench("--client", "0").returncode)
        unknown = metabench("--rpc", "nonsense", "--grpc-api-address", self.one.grpc_address)
        self.assertEqual(1, unknown.returncode)
        self.assertIn("nonsense", unknown.stderr)


if __name__ == "__main__":
    unittest.main()
