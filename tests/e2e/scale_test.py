"""operations.md §9.3, row by row: an operator scales a cluster up, moves the leader, and scales it down again."""

import glob
import json
import os
import re
import subprocess
import unittest

from harness import BIN, ClusterTest, databend_meta, free_port, metactl, read, wait_for

TRANSFER_SECONDS = 3  # C8
LEAVE_SECONDS = 5     # C11

GUIDE = """
log_dir = "{logs}"
admin_api_address = "127.0.0.1:{admin}"
grpc_api_address = "127.0.0.1:{grpc}"
grpc_api_advertise_host = "127.0.0.1"
[raft_config]
id = {id}
raft_dir = "{raft_dir}"
raft_api_port = {raft}
raft_listen_host = "127.0.0.1"
raft_advertise_host = "127.0.0.1"
"""


def last_raft_line(node, joins):
    """The node's configuration file again, with `single = false` and these addresses to join."""
    text = re.sub(r"^(single|join) = .*\n", "", read(node.config), flags=re.MULTILINE)
    with open(node.config, "w", encoding="utf-8") as file:
        file.write(text + f"single = false\njoin = {json.dumps(joins)}\n")


class Scale(ClusterTest):
    def guide_node(self, node_id, **options):
        template = GUIDE.replace("{logs}", f"./logs{node_id}").replace("{raft_dir}", f"./_meta{node_id}")
        return self.node(node_id, template=template, **options)

    def three_nodes(self):
        first = self.guide_node(1, single=True).start().wait_started()
        for node_id in (2, 3):
            node = self.guide_node(node_id)
            last_raft_line(node, [f"127.0.0.1:{first.raft}"])  # C1: `single = false` beside `join`
            node.start().wait_started()
        self.wait_for_leader(self.nodes)
        return self.nodes

    def records(self, node):
        """All that the node has written to its log files (C17)."""
        logs = glob.glob(os.path.join(self.directory, f"logs{node.id}", "databend-meta-*.log*"))
        self.assertTrue(logs, f"no log file of node {node.id}")
        return "".join(read(log) for log in sorted(logs))

    def status(self, node):
        result = node.ctl("status")
        self.assertEqual(0, result.returncode, result.stderr)
        return result.stdout

    def transfer(self, node, *arguments):
        return metactl("transfer-leader", "--admin-api-address", node.admin_address, *arguments)

    def move_leader(self, nodes, *arguments):
        """C6 to C8: the old and the new leader."""
        leader = self.wait_for_leader(nodes)
        self.assertRegex(self.status(leader), rf"(?m)^Leader: id={leader.id} raft=127.0.0.1:{leader.raft} grpc=127.0.0.1:{leader.grpc}$")
        term = leader.cluster_status()["current_term"]
        result = self.transfer(leader, *arguments)
        self.assertEqual(0, result.returncode, result.stderr)
        voters = [node.id for node in nodes]
        moved = re.fullmatch(rf"triggered leader transfer from {leader.id} to (\d+)\.\nvoter ids: {re.escape(str(voters))}\n", result.stdout)
        self.assertTrue(moved, result.stdout)
        target = next(node for node in nodes if node.id == int(moved.group(1)))
        wait_for("the new leader in `status`", lambda: all(node.leader_id() == target.id for node in nodes), TRANSFER_SECONDS)
        self.assertEqual(term + 1, target.cluster_status()["current_term"])
        return leader, target

    def test_scaling_up_and_down_works_as_the_guide_says(self):
        first, *joined = self.three_nodes()
        for node in joined:
            self.assertIn("Databend Metasrv started", node.output())  # C2
            status = self.status(node)  # C3
            self.assertRegex(status, r"(?m)^State: Follower$")
            self.assertRegex(status, rf"(?m)^  - id={node.id} raft=127.0.0.1:{node.raft} grpc=127.0.0.1:{node.grpc}$")
        self.assertTrue(first.put("kept", "1"))

        every_address = [f"127.0.0.1:{node.raft}" for node in self.nodes]  # C4
        for node in self.nodes:
            last_raft_line(node, every_address)
            self.assertEqual(0, node.stop())
            node.start().wait_started()
            self.assertIn(f"Did not join: node {node.id} already in cluster", self.records(node))
        for node in self.nodes:  # C5
            members = node.ctl("member-list").stdout.split()
            self.assertEqual([other.grpc_address for other in self.nodes], members)
            self.assertEqual(b"1", node.get("kept"))

        leader, target = self.move_leader(self.nodes)  # C6 to C8
        self.assertEqual(leader.id % 3 + 1, target.id)
        refused = self.transfer(leader)  # C7: no longer the leader
        self.assertEqual(1, refused.returncode)
        self.assertIn("status code: 404 Not Found, msg: This node is not leader, can not transfer leadership;", refused.stderr)
        back, leader = self.move_leader(self.nodes, "--to", str(leader.id))
        self.assertEqual(back.id, target.id)

        via_leader = databend_meta("--leave-id", str(leader.id), "--leave-via", f"127.0.0.1:{leader.raft}")  # C10
        self.assertEqual(1, via_leader.returncode)
        self.assertIn(f"can not leave id={leader.id} via itself", via_leader.stderr)
        gone, kept = (node for node in self.nodes if node is not leader)
        several = [f"127.0.0.1:{node.raft}" for node in (gone, leader, kept)]  # C9: several addresses, the own one first
        left = databend_meta("--leave-id", str(gone.id), "--leave-via", *several)
        self.assertEqual((0, ""), (left.returncode, left.stdout), left.stderr)
        remaining = sorted([leader, kept], key=lambda node: node.id)
        for node in remaining:  # C11
            wait_for("the id to be gone", lambda node=node: [m["name"] for m in node.members()] == [str(n.id) for n in remaining], LEAVE_SECONDS)
            wait_for("the voter to be gone", lambda node=node: f"  - id={gone.id} raft" not in self.status(node), LEAVE_SECONDS)
        self.assertEqual(200, gone.http("/v1/health")[0])
        self.assertEqual(0, gone.stop())  # C12
        self.assertIn("Databend Metasrv shutdown", gone.output())
        for node in remaining:  # C13
            status = self.status(node)
            self.assertRegex(status, rf"(?m)^Leader: id={leader.id} ")
            self.assertNotRegex(status, rf"(?m)^  - \[{gone.id}\] ")
        for node in remaining:  # C14
            last_raft_line(node, [f"127.0.0.1:{other.raft}" for other in remaining])
            self.assertEqual(0, node.stop())
            node.start().wait_started()
            self.assertIn(f"Did not join: node {node.id} already in cluster", self.records(node))
            self.assertEqual(b"1", node.get("kept"))
        for node in remaining:  # C15 to C17
            node.must_live()
            self.assertIn("Register-node: Ok", node.output())
            count = self.records(node).count("Received trigger_transfer_leader request")
            self.transfer(node)
            wait_for("the log file to grow", lambda node=node, count=count:
                     self.records(node).count("Received trigger_transfer_leader request") == count + 1)

    def test_a_transfer_to_nobody_is_refused_and_changes_nothing(self):
        nodes = self.three_nodes()
        leader = self.wait_for_leader(nodes)
        code, body = leader.http("/v1/ctrl/trigger_transfer_leader?to=9")
        self.assertEqual(400, code, body)
        self.assertIn("[1, 2, 3]", body)
        self.assertEqual((200, f'{{"from":{leader.id},"to":{leader.id},"voter_ids":[1,2,3]}}'),
                         leader.http(f"/v1/ctrl/trigger_transfer_leader?to={leader.id}"))
        self.assertTrue(leader.put("still", "served"))
        self.assertTrue(leader.cluster_status()["is_leader"])

    def test_a_transfer_to_what_is_no_id_goes_to_the_next_voter_and_is_warned_of(self):
        nodes = self.three_nodes()
        leader = self.wait_for_leader(nodes)
        following = leader.id % 3 + 1
        self.assertEqual((200, f'{{"from":{leader.id},"to":{following},"voter_ids":[1,2,3]}}'),
                         leader.http("/v1/ctrl/trigger_transfer_leader?to=abc"))
        self.assertEqual(following, self.wait_for_leader(nodes, not_id=leader.id).id)
        self.assertIn("`to=abc` is not the id of a node and was ignored", self.records(leader))

    def test_a_single_voter_answers_a_transfer_and_goes_on_serving(self):
        node = self.guide_node(1, single=True).start().wait_started()
        self.assertEqual((200, '{"from":1,"to":1,"voter_ids":[1]}'), node.http("/v1/ctrl/trigger_transfer_leader"))
        self.assertTrue(node.put("k", "v"))


class Mistakes(ClusterTest):
    """C18: each mistake ends in one clear line on stderr and a non-zero exit."""

    def expect_failure(self, node, *fragments):
        self.assertNotEqual(0, node.process.wait(timeout=60))
        text = node.output()
        for fragment in fragments:
            self.assertIn(fragment, text)
        self.assertRegex(text, r"(?m)^Error: |^error: ")

    def test_a_directory_that_may_not_be_written_is_named(self):
        node = self.node(1, single=True)
        os.makedirs(node.raft_dir, mode=0o500)
        os.makedirs(self.path("_logs1"))
        os.chmod(self.path("_logs1"), 0o777)
        user = {"user": 65534, "group": 65534} if os.geteuid() == 0 else {}
        os.chmod(self.directory, 0o755)
        with open(node.log, "ab") as log:
            node.process = subprocess.Popen([os.path.join(BIN, "databend-meta"), "-c", node.config], stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.directory, **user)
        self.expect_failure(node, "Permission denied", "_meta1")

    def test_a_port_in_use_is_named(self):
        holder = self.node(1, single=True).start().wait_started()
        for taken, key in ((holder.admin, "admin"), (holder.grpc, "grpc"), (holder.raft, "raft")):
            node = self.node(2, single=True)
            text = read(node.config).replace(str(getattr(node, key)), str(taken))
            with open(node.config, "w", encoding="utf-8") as file:
                file.write(text)
            node.start()
            self.expect_failure(node, str(taken))

    def test_configuration_errors_are_named(self):
        for line, fragment in (("heartbeat_interval = \"soon\"\n", "heartbeat_interval"), ("[[[\n", "metasrv-1.toml")):
            node = self.node(1, single=True)
            with open(node.config, "a", encoding="utf-8") as file:
                file.write(line)
            node.start()
            self.assertNotEqual(0, node.process.wait(timeout=60))
            self.assertIn(fragment, node.output())

    def test_an_unreachable_cluster_is_named_after_the_retries(self):
        node = self.node(2, join=[f"127.0.0.1:{free_port()}"]).start()
        self.assertEqual(1, node.process.wait(timeout=120))
        self.assertIn("Error: ", node.output())
        self.assertIn("fail to join", node.output())


if __name__ == "__main__":
    unittest.main(verbosity=2)
