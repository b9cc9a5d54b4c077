"""Clusters of real processes, started from the configuration files of the operator documents."""

import itertools
import re
import threading
import unittest

from harness import ClusterTest, databend_meta, free_port, metactl, wait_for

# The printed files of the two deployment guides, with the ports replaced.
DEPLOY_GUIDE = """
log_dir = "metadata/_logs{id}"
admin_api_address = "127.0.0.1:{admin}"
grpc_api_address = "127.0.0.1:{grpc}"
grpc_api_advertise_host = "127.0.0.1"
[raft_config]
id = {id}
raft_dir = "metadata/datas{id}"
raft_api_port = {raft}
raft_listen_host = "127.0.0.1"
raft_advertise_host = "localhost"
"""

METASRV_DEPLOY = """
log_dir = "./_logs{id}"
metric_api_address = "0.0.0.0:{metric}"
admin_api_address = "0.0.0.0:{admin}"
grpc_api_address = "0.0.0.0:{grpc}"
[raft_config]
id = {id}
raft_dir = "./_meta{id}"
raft_api_port = {raft}
raft_listen_host = "127.0.0.1"
raft_advertise_host = "localhost"
"""


class Cluster(ClusterTest):
    def three_nodes(self, template, join_host="localhost"):
        """Node 1 alone first, then 2 and 3 in the same moment."""
        first = self.node(1, single=True, template=template).start().wait_started()
        others = [self.node(node_id, join=[f"{join_host}:{first.raft}"], template=template).start() for node_id in (2, 3)]
        for node in others:
            node.wait_started()
        self.wait_for_leader(self.nodes)
        return self.nodes

    def expect_voters(self, nodes, *names):
        def agrees(node):
            voters = [member["name"] for member in node.cluster_status().get("voters", [])]
            return [member["name"] for member in node.members()] == voters == list(names)

        for node in nodes:
            wait_for(f"node {node.id} to list the voters {names}", lambda node=node: agrees(node))
        self.assertEqual(1, sum(node.cluster_status()["is_leader"] for node in nodes))

    def test_a_standalone_node_starts_prints_its_banner_and_keeps_its_data(self):
        node = self.node(1, single=True, template=DEPLOY_GUIDE).start().wait_started()
        for line in (f"HTTP API listen at: 127.0.0.1:{node.admin}", f"Raft API listen at: 127.0.0.1:{node.raft}",
                     "    Register-node: Ok", "Databend Metasrv started"):
            self.assertIn(line, node.output())
        self.assertEqual(200, node.http("/v1/health", "HEAD")[0])
        self.assertTrue(node.put("kept", "1"))
        self.assertEqual(0, node.stop())
        self.assertIn("Databend Metasrv shutdown", node.output())
        node.start().wait_started()
        self.assertEqual(b"1", node.get("kept"))

    def test_a_node_that_is_neither_single_nor_joining_refuses_an_empty_directory(self):
        node = self.node(1, template=DEPLOY_GUIDE).start()
        self.assertEqual(1, node.process.wait(timeout=60))
        self.assertIn("at least one of `single` and `join` needs to be enabled", node.output())

    def test_two_nodes_join_at_once_and_every_node_serves_reads_and_writes(self):
        first = self.node(1, single=True, template=DEPLOY_GUIDE).start().wait_started()
        self.assertTrue(first.put("before/join", "old"))
        joined = [self.node(node_id, join=[f"localhost:{first.raft}"], template=DEPLOY_GUIDE).start() for node_id in (2, 3)]
        for node in joined:
            node.wait_started()
            self.assertIn(f'Status: join ["localhost:{first.raft}"]', node.output())
        self.expect_voters(self.nodes, "1", "2", "3")
        for node in self.nodes:
            self.assertEqual(200, node.http("/v1/health")[0])
            self.assertTrue(node.put(f"from/{node.id}", str(node.id)))
        for node, writer in itertools.product(self.nodes, self.nodes):
            self.assertEqual(str(writer.id).encode(), node.get(f"from/{writer.id}"))
        self.assertEqual(b"old", joined[0].get("before/join"))

    def test_legacy_keys_load_and_join_addresses_need_not_equal_the_advertised_ones(self):
        nodes = self.three_nodes(METASRV_DEPLOY, join_host="127.0.0.1")
        self.expect_voters(nodes, "1", "2", "3")
        self.assertEqual({"Leader", "Follower"}, {node.cluster_status()["state"] for node in nodes})
        status, metrics = nodes[0].http("/v1/metrics")
        self.assertEqual(200, status)
        self.assertIn("metasrv_server_is_leader", metrics)
        self.assertEqual(metactl("metrics", "--admin-api-address", nodes[0].admin_address).returncode, 0)

    def test_killing_the_leader_loses_no_acknowledged_write_and_service_resumes(self):
        nodes = self.three_nodes(DEPLOY_GUIDE)
        leader = self.wait_for_leader(nodes)
        survivors = [node for node in nodes if node is not leader]
        acknowledged, enough, done = {}, threading.Event(), threading.Event()

        def write(node):
            for number in itertools.count():
                if done.is_set():
                    return
                key, value = f"w{node.id}/{number}", f"{number}"
                if node.put(key, value):
                    acknowledged[key] = value.encode()
                if len(acknowledged) >= 20:
                    enough.set()

        writers = [threading.Thread(target=write, args=(node,)) for node in nodes]
        for writer in writers:
            writer.start()
        try:
            self.assertTrue(enough.wait(60), "no writes before the crash")
            leader.kill()
            before = len(acknowledged)
            self.wait_for_leader(survivors, not_id=leader.id)
            wait_for("twenty more acknowledged writes", lambda: len(acknowledged) >= before + 20)
        finally:
            done.set()
            for writer in writers:
                writer.join()
        for node in survivors:
            for key in list(acknowledged)[-3:]:
                self.assertEqual(acknowledged[key], node.get(key))
            self.expect_keys(node, acknowledged)
        leader.start().wait_started()
        self.assertTrue(leader.put("after/return", "x"))
        self.assertEqual(b"x", survivors[0].get("after/return"))
        wait_for("the restarted node to catch up", lambda: leader.get("after/return") == b"x")
        self.expect_keys(leader, acknowledged)

    def test_with_leases_every_node_reads_what_was_just_written_also_after_the_leader_was_killed(self):
        nodes = self.three_nodes(DEPLOY_GUIDE + "read_lease = true\nclock_drift_bound_ppm = 1000\n")
        for round_number, writer in enumerate(nodes * 2):
            self.assertTrue(writer.put("k", str(round_number)))
            for reader in nodes:
                self.assertEqual(str(round_number).encode(), reader.get("k"))
        leader = self.wait_for_leader(nodes)
        leader.kill()
        others = [node for node in nodes if node is not leader]
        wait_for("the others to accept a write", lambda: others[0].put("k", "after"))
        for reader in others:
            self.assertEqual(b"after", reader.get("k"))

    def test_a_restart_of_all_nodes_keeps_data_and_members(self):
        nodes = self.three_nodes(DEPLOY_GUIDE)
        self.assertTrue(nodes[1].put("kept", "1"))
        for node in nodes:
            self.assertEqual(0, node.stop())
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_started()
            self.assertEqual(b"1", node.get("kept"))
        self.expect_voters(nodes, "1", "2", "3")

    def test_a_follower_leaves_through_any_member_and_the_leader_does_not(self):
        nodes = self.three_nodes(DEPLOY_GUIDE)
        leader = self.wait_for_leader(nodes)
        gone, kept = (node for node in nodes if node is not leader)
        refused = databend_meta("--leave-id", str(leader.id), "--leave-via", f"127.0.0.1:{leader.raft}")
        self.assertEqual(1, refused.returncode)
        self.assertIn(f"can not leave id={leader.id} via itself", refused.stderr)
        left = databend_meta("--leave-id", str(gone.id), "--leave-via", f"127.0.0.1:{gone.raft}")
        self.assertEqual((0, ""), (left.returncode, left.stdout), left.stderr)
        self.assertEqual(0, gone.stop())
        remaining = sorted([leader, kept], key=lambda node: node.id)
        self.expect_voters(remaining, *(str(node.id) for node in remaining))
        self.assertTrue(kept.put("after/leave", "x"))
        self.assertEqual(b"x", leader.get("after/leave"))


class ControlTool(ClusterTest):
    def test_every_client_command_prints_what_scripts_expect(self):
        node = self.node(1, single=True).start().wait_started()
        status = node.ctl("status")
        for pattern in (r"^BinaryVersion: \S+", r"^DataVersion: V004$", r"^RaftLogSize: \d+$", r"^SnapshotKeyCount: \d+$",
                        rf"^Node: id=1 raft=localhost:{node.raft}$", r"^State: Leader$", r"^CurrentTerm: \d+$", r"^LastSeq: 0$",
                        r"^LastLogIndex: \d+$", r"^LastApplied: T\d+-N\d+\.\d+$",
                        rf"^  - id=1 raft=localhost:{node.raft} grpc=127.0.0.1:{node.grpc}$"):
            self.assertRegex(status.stdout, re.compile(pattern, re.MULTILINE))
        missing = node.ctl("get", "--key", "k")
        self.assertEqual((0, "null\n"), (missing.returncode, missing.stdout))
        self.assertIn(f'Using gRPC API address: ["{node.grpc_address}"]', missing.stderr)
        self.assertRegex(node.ctl("upsert", "--key", "k", "--value", "v1").stdout,
                         r'\Aupsert-result: None: None -> Some\(SeqV \{ seq: 1, meta: Some\(KVMeta \{ expire_at: None, '
                         r'proposed_at_ms: Some\(\d+\) \}\), data: "\[binary\]" \}\)\n\Z')
        self.assertRegex(node.ctl("get", "--key", "k").stdout, r'\A\{"seq":1,"meta":\{"proposed_at_ms":\d+\},"data":\[118,49\]\}\n\Z')
        self.assertEqual(node.grpc_address + "\n", node.ctl("member-list").stdout)
        snapshot = metactl("trigger-snapshot", "--admin-api-address", node.admin_address)
        self.assertEqual("triggered snapshot successfully.\n", snapshot.stdout, snapshot.stderr)
        features = metactl("list-features", "--admin-api-address", node.admin_address)
        self.assertIn('{\n  "features": [\n    "dummy",', features.stdout)

    def test_the_health_check_of_the_container_example_works(self):
        node = self.node(1, single=True).start().wait_started()
        self.assertEqual(0, metactl("--grpc-api-address", f"0.0.0.0:{node.grpc}", "status").returncode)
        node.kill()
        self.assertEqual(1, metactl("--grpc-api-address", f"0.0.0.0:{node.grpc}", "status").returncode)

    def test_nobody_there_is_an_error_with_code_one(self):
        address = f"127.0.0.1:{free_port()}"
        for command in (["status"], ["get", "--key", "k"], ["upsert", "--key", "k", "--value", "v"], ["member-list"], ["export"]):
            result = metactl(*command, "--grpc-api-address", address)
            self.assertEqual((1, ""), (result.returncode, result.stdout))
            self.assertIn("Error: ", result.stderr)
        self.assertEqual(1, metactl("status", "--grpc-api-address", "127.0.0.1:99999").returncode)
        self.assertEqual(1, metactl("metrics", "--admin-api-address", address).returncode)


if __name__ == "__main__":
    unittest.main(verbosity=2)
