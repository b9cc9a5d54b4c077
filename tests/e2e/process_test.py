"""config-and-cli.md and operations.md §3, §5 on the real server: command line, sources, logs, signals, admin port."""

import glob
import http.client
import json
import os
import re
import signal
import subprocess
import unittest

from harness import BIN, ClusterTest, databend_meta, read, wait_for


def show_config(*arguments, environment=None):
    result = subprocess.run([os.path.join(BIN, "databend-meta"), "--cmd", "show-config", *arguments], capture_output=True, text=True,
                            timeout=60, env={**os.environ, **(environment or {})})
    return json.loads(result.stdout.removeprefix("config:\n")) if result.returncode == 0 else result


class CommandLine(ClusterTest):
    def test_versions_are_printed_for_people_and_for_scripts(self):
        result = databend_meta("--version")
        self.assertEqual(0, result.returncode)
        self.assertRegex(result.stdout, r"\Adatabend-meta v1\.\S+\(.+\)\nmin-compatible-client-version: 1\.2\.676\n"
                                        r"data-version: V004\(2024-11-11: WAL based raft-log\)\n\Z")
        result = databend_meta("--single", "--cmd", "ver")
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        self.assertRegex(result.stdout, r"\Aversion: 1\.\S+\nmin-compatible-client-version: 1\.2\.676\ndata-version: V004\(.+\)\n\Z")

    def test_a_command_needs_no_topology_and_leaves_nothing_behind(self):
        subprocess.run([os.path.join(BIN, "databend-meta"), "--cmd", "ver"], check=True, capture_output=True, cwd=self.directory)
        self.assertEqual([], os.listdir(self.directory))
        unknown = databend_meta("--cmd", "nonsense")
        self.assertEqual((0, ""), (unknown.returncode, unknown.stdout))
        self.assertEqual("Invalid cmd: nonsense\nAvailable cmds:\n  --cmd ver\n"
                         "    Print version and min compatible meta-client version\n  --cmd show-config\n"
                         "    Print effective config\n", unknown.stderr)

    def test_wrong_usage_ends_with_two_and_wrong_configuration_with_one(self):
        for arguments in (["--bogus"], ["--id"], ["--id", "x"], ["extra"], ["--raft-api-port", "65536"]):
            result = databend_meta(*arguments)
            self.assertEqual((2, ""), (result.returncode, result.stdout), arguments)
            self.assertIn("Usage:", result.stderr)
        cases = (("id = \"one\"", "raft_config.id"), ("join = \"a:1\"", "raft_config.join"), ("raft_api_port = 65536", "65536"),
                 ("id = -1", "-1"), ("id = 1\nid = 2", "id"), ("id = ", "line 2"), ("raft_dir = \"\xff\"", "config.toml"))
        for text, fragment in cases:
            path = self.path("config.toml")
            with open(path, "w", encoding="latin-1") as file:
                file.write(f"[raft_config]\n{text}\n")
            result = databend_meta("-c", path, "--single")
            self.assertEqual((1, ""), (result.returncode, result.stdout), text)
            self.assertTrue(result.stderr.startswith("Error: "), result.stderr)
            self.assertIn(fragment, result.stderr)
        missing = databend_meta("-c", "/nowhere/meta.toml", "--single")
        self.assertEqual((1, "Error: No such file or directory (os error 2): /nowhere/meta.toml\n"), (missing.returncode, missing.stderr))
        named = databend_meta("--single", "--grpc-api-address", "localhost:9191")
        self.assertEqual((1, "Error: invalid socket address syntax while parsing localhost:9191\n"), (named.returncode, named.stderr))

    def test_flags_beat_the_environment_which_beats_the_file(self):
        path = self.path("meta.toml")
        with open(path, "w", encoding="utf-8") as file:
            file.write('log_level = "ERROR"\n[raft_config]\nid = 1\nraft_api_port = 1111\njoin = ["f:1"]\n')
        environment = {"METASRV_CONFIG_FILE": path, "KVSRV_API_PORT": "2222", "KVSRV_ID": "2", "METASRV_JOIN": "a:1, b:2,",
                       "METASRV_LOG_STDERR_ON": "true", "CLUSTER_NAME": "named"}
        config = show_config("--id", "3", environment=environment)
        raft = config["service"]["raft_config"]
        self.assertEqual((3, 2222, ["a:1", "b:2"], "named"),
                         tuple(raft[key] for key in ("id", "raft_api_port", "join", "cluster_name")))
        self.assertEqual(("ERROR", True), (config["log"]["file"]["level"], config["log"]["stderr"]["on"]))
        bad = show_config(environment={"KVSRV_ID": "two"})
        self.assertEqual(1, bad.returncode)
        self.assertIn("KVSRV_ID", bad.stderr)

    def test_the_key_value_commands_of_old_still_work(self):
        node = self.node(1, single=True).start().wait_started()

        def kvapi(operation, *arguments):
            result = databend_meta("--grpc-api-address", node.grpc_address, "--cmd", f"kvapi::{operation}", *arguments)
            self.assertEqual(0, result.returncode)
            return json.loads(result.stdout) if result.stdout else result.stderr

        written = kvapi("upsert", "--key", "a", "--value", "1")
        self.assertEqual((None, None, 1, [49]), (written["ident"], written["prev"], written["result"]["seq"], written["result"]["data"]))
        self.assertIn("expire_at", kvapi("upsert", "--key", "b", "--value", "2", "--expire-after", "600")["result"]["meta"])
        self.assertEqual([49], kvapi("get", "--key", "a")["data"])
        self.assertEqual([1, 2, None], [record and record["seq"] for record in kvapi("mget", "--key", "a", "b", "none")])
        self.assertEqual(["a"], [key for key, _ in kvapi("list", "--prefix", "a")])
        self.assertIsNone(kvapi("delete", "--key", "a")["result"])
        self.assertIsNone(kvapi("get", "--key", "a"))
        self.assertEqual("The number of keys must be 1\n", kvapi("get"))


class Logs(ClusterTest):
    def logs(self, node):
        return sorted(glob.glob(self.path(f"_logs{node.id}/*")))

    def test_unknown_keys_and_bad_filters_are_warned_of_and_the_node_starts(self):
        node = self.node(1, single=True)
        with open(node.config, "a", encoding="utf-8") as file:
            file.write('no_sync = true\nsled_tree_prefix = "x"\n[log.file]\nlevel = "info,loud"\nprefix_filter = ""\n'
                       '[log.tracing]\non = true\n')
        node.start().wait_started()
        records = read(self.logs(node)[0])
        for key in ("raft_config.no_sync", "raft_config.sled_tree_prefix", "log.file.prefix_filter", "log.tracing"):
            self.assertIn(f"configuration key `{key}` is not used and was ignored", records)
        self.assertIn("`loud` in `log.file.level` is not a log filter and was ignored", records)

    def test_every_line_has_the_shape_of_its_format(self):
        stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d"
        node = self.node(1, single=True)
        node.start("--log-file-format", "text", "--log-file-level", "info", "--log-stderr-on", "--log-stderr-format=json",
                   "--log-stderr-level", "info").wait_started()
        (path,) = self.logs(node)
        self.assertRegex(os.path.basename(path), r"\Adatabend-meta-1@foo_cluster\.\d{4}-\d\d-\d\d-\d\d\.0\.log\Z")
        for line in read(path).splitlines():
            if re.match(r"\d{4}-", line):  # the dump of the configuration goes on for several lines
                self.assertRegex(line, rf"\A{stamp} (?: INFO| WARN|ERROR) (?:databend_meta|openraft): \S*:\d+ .+\Z")
        records = [json.loads(line) for line in node.output().splitlines() if line.startswith('{"')]
        self.assertTrue(records)
        for record in records:
            self.assertEqual(["timestamp", "level", "fields"], list(record))
            self.assertRegex(record["timestamp"], rf"\A{stamp}\Z")
        messages = "\n".join(record["fields"]["message"] for record in records)
        for text in ("Databend Meta version:", "Databend Meta start with config:", "Initialize on-disk data at", "Starting MetaNode, is-single:",
                     "Initialized with: {1}", "Start raft service listening on:", "Http API TLS not set", "HTTP API server listening on",
                     "Databend meta server listening on", "Register-node Ok", "applied AddNode(non-overriding)"):
            self.assertIn(text, messages)

    def test_no_file_is_written_when_that_is_switched_off(self):
        node = self.node(1, single=True).start("--log-file-on=false").wait_started()
        self.assertEqual([], self.logs(node))

    def test_hang_up_opens_the_log_file_again_and_the_node_lives_on(self):
        node = self.node(1, single=True).start("--log-level", "INFO").wait_started()
        (path,) = self.logs(node)
        os.rename(path, path + ".rotated")
        node.process.send_signal(signal.SIGHUP)
        wait_for("a new log file", lambda: os.path.exists(path) and "Received SIGHUP" in read(path))
        self.assertTrue(node.put("k", "v"))

    def test_interrupt_and_terminate_end_the_server_in_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            node = self.node(1, single=True).start("--log-level", "INFO").wait_started()
            node.process.send_signal(number)
            self.assertEqual(0, node.process.wait(timeout=60))
            self.assertTrue(node.output().endswith("Databend Metasrv shutdown\n"))
            records = read(self.logs(node)[-1])
            for text in ("Received termination signal.", "Press Ctrl + C again to force shutdown.", "Databend-meta is done shutting down"):
                self.assertIn(text, records)


class AdminPort(ClusterTest):
    def request(self, node, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", node.admin, timeout=30)
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, answer.getheader("Content-Type"), body

    def test_every_route_answers_with_its_type_and_wrong_requests_with_plain_text(self):
        node = self.node(1, single=True).start("--raft-secret", "s3cret", "--raft-accepted-secrets", "s3cret").wait_started()
        plain, as_json = "text/plain; charset=utf-8", "application/json; charset=utf-8"
        for path, kind in (("/v1/health", as_json), ("/v1/config", plain), ("/v1/cluster/nodes", as_json), ("/v1/cluster/status", as_json),
                           ("/v1/cluster/state", as_json), ("/v1/metrics", plain), ("/v1/features/list", as_json),
                           ("/v1/ctrl/trigger_snapshot", as_json), ("/debug/home", "text/html; charset=utf-8")):
            status, content_type, body = self.request(node, "GET", path)
            self.assertEqual((200, kind), (status, content_type), path)
            self.assertTrue(body, path)
            self.assertEqual((200, b""), self.request(node, "HEAD", path)[::2], path)
        self.assertEqual(b'{"status":"pass"}', self.request(node, "GET", "/v1/health")[2])
        self.assertEqual(b"null", self.request(node, "GET", "/v1/ctrl/trigger_snapshot")[2])
        self.assertEqual((404, plain, b"not found"), self.request(node, "GET", "/v1/nonsense"))
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            self.assertEqual((405, b"method not allowed"), self.request(node, method, "/v1/health")[::2], method)
        config = self.request(node, "GET", "/v1/config")[2].decode()
        self.assertIn("***", config)
        self.assertNotIn("s3cret", config)

    def test_a_cpu_profile_is_taken_for_the_seconds_asked_for(self):
        node = self.node(1, single=True).start().wait_started()
        status, content_type, body = self.request(node, "GET", "/debug/pprof/profile?seconds=1&frequency=50")
        self.assertEqual((200, "application/octet-stream"), (status, content_type))
        self.assertIn(b"nanoseconds", body)
        self.assertTrue(node.put("k", "v"))

    def test_no_figure_is_missing_and_those_of_a_used_node_are_counted(self):
        node = self.node(1, single=True).start().wait_started()
        for number in range(5):
            self.assertTrue(node.put(f"k{number}", "v"))
        self.assertIsNotNone(node.get("k1"))
        self.request(node, "GET", "/v1/ctrl/trigger_snapshot")

        def figures():
            samples = re.findall(r"(?m)^(metasrv_\w+)(?:\{[^}]*\})? (\S+)$", node.http("/v1/metrics")[1])
            return {name: float(value) for name, value in samples}

        wait_for("the snapshot", lambda: figures()["metasrv_raft_storage_snapshot_written_entries_total"] > 0)
        found = figures()
        for name in ("server_is_leader", "server_node_is_health", "server_current_leader_id", "server_snapshot_key_count",
                     "server_snapshot_primary_index_count", "server_snapshot_block_count", "server_snapshot_data_size",
                     "server_snapshot_index_size", "server_raft_log_cache_items", "server_raft_log_cache_used_size",
                     "server_raft_log_wal_open_chunk_size", "server_raft_log_wal_offset", "server_raft_log_size",
                     "server_proposals_applied", "server_last_log_index", "server_last_seq", "server_current_term", "server_version",
                     "meta_network_rpc_delay_ms_count", "meta_network_rpc_delay_read_ms_count", "meta_network_rpc_delay_write_ms_count",
                     "meta_network_sent_bytes_total", "meta_network_recv_bytes_total", "meta_network_req_success_total",
                     "meta_network_stream_get_item_sent_total"):
            self.assertGreater(found[f"metasrv_{name}"], 0, name)
        for name in ("server_leader_changes_total", "server_applying_snapshot", "server_snapshot_expire_index_count",
                     "server_snapshot_avg_block_size", "server_snapshot_avg_keys_per_block", "server_snapshot_read_block",
                     "server_snapshot_read_block_from_cache", "server_snapshot_read_block_from_disk",
                     "server_raft_log_wal_closed_chunk_count", "server_raft_log_wal_closed_chunk_total_size", "server_proposals_pending",
                     "server_proposals_failed_total", "server_read_failed_total", "server_watchers", "raft_storage_snapshot_building",
                     "meta_network_req_inflights", "meta_network_req_failed_total", "meta_network_watch_initialization_total",
                     "meta_network_watch_change_total", "meta_network_stream_mget_item_sent_total",
                     "meta_network_stream_list_item_sent_total"):
            self.assertIn(f"metasrv_{name}", found)


if __name__ == "__main__":
    unittest.main(verbosity=2)
