"""Leadership given away by real processes: on an operator's order and on SIGTERM."""

import glob
import os
import threading
import unittest

from harness import ClusterTest, metactl, read, wait_for


class Writer(threading.Thread):
    """Writes through one node, one write after the other, until it is told to stop."""

    def __init__(self, node):
        super().__init__()
        self.node = node
        self.acknowledged = []
        self.failures = []
        self.stopping = threading.Event()

    def run(self):
        count = 0
        while not self.stopping.is_set():
            count += 1
            key = f"writer/{self.node.id}/{count}"
            result = self.node.ctl("upsert", "--key", key, "--value", str(count))
            if result.returncode == 0:
                self.acknowledged.append((key, str(count).encode()))
            else:
                self.failures.append(result.stderr)


class HandOver(ClusterTest):
    def three_nodes(self):
        first = self.node(1, single=True).start().wait_started()
        for node_id in (2, 3):
            self.node(node_id, join=[f"localhost:{first.raft}"]).start().wait_started()
        return self.wait_for_leader(self.nodes)

    def write_through(self, nodes):
        writers = [Writer(node) for node in nodes]
        for writer in writers:
            writer.start()
        self.addCleanup(lambda: [writer.stopping.set() for writer in writers])
        return writers

    def expect_progress(self, writers, more=20):
        goals = [len(writer.acknowledged) + more for writer in writers]
        wait_for("every writer to go on", lambda: all(len(w.acknowledged) >= goal for w, goal in zip(writers, goals))
                 or any(w.failures for w in writers))

    def expect_no_failure(self, writers, node):
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join()
            self.assertEqual([], writer.failures)
        self.expect_keys(node, dict(pair for writer in writers for pair in writer.acknowledged))

    def logged(self, node):
        return "".join(read(path) for path in glob.glob(os.path.join(self.directory, f"_logs{node.id}", "*")))

    def test_sigterm_of_the_leader_hands_over_and_no_write_fails(self):
        leader = self.three_nodes()
        rest = [node for node in self.nodes if node is not leader]
        term = leader.cluster_status()["current_term"]
        writers = self.write_through(rest)
        self.expect_progress(writers)
        self.assertEqual(0, leader.stop())
        self.expect_progress(writers)
        successor = self.wait_for_leader(rest, not_id=leader.id)
        self.expect_no_failure(writers, successor)
        self.assertIn("Databend Metasrv shutdown", leader.output())
        self.assertIn(f"hand-over of leadership to node {successor.id}: done", self.logged(leader))
        self.assertEqual(term + 1, successor.cluster_status()["current_term"])

    def test_the_operator_moves_leadership_around_while_clients_write(self):
        self.three_nodes()
        writers = self.write_through(self.nodes)
        for source, target, arguments in ((1, 2, ()), (2, 1, ("--to", "1")), (1, 3, ("--to", "3")), (3, 1, ())):
            result = metactl("transfer-leader", "--admin-api-address", self.nodes[source - 1].admin_address, *arguments)
            self.assertEqual(f"triggered leader transfer from {source} to {target}.\nvoter ids: [1, 2, 3]\n", result.stdout)
            self.assertEqual(0, result.returncode)
            self.assertEqual(target, self.wait_for_leader(self.nodes, not_id=source).id)
            self.expect_progress(writers, more=5)
        self.expect_no_failure(writers, self.nodes[0])

    def test_wrong_requests_are_refused_and_say_what_would_be_right(self):
        leader = self.three_nodes()
        follower = next(node for node in self.nodes if node is not leader)
        text = ("This node is not leader, can not transfer leadership;\n"
                f"id={follower.id}\ncurrent_leader=Some({leader.id})\nvoter_ids=[1, 2, 3]")
        self.assertEqual((404, text), follower.http("/v1/ctrl/trigger_transfer_leader"))
        result = metactl("transfer-leader", "--admin-api-address", follower.admin_address)
        self.assertEqual((1, f"Error: status code: 404 Not Found, msg: {text}\n"), (result.returncode, result.stderr))
        status, body = leader.http("/v1/ctrl/trigger_transfer_leader?to=9")
        self.assertEqual(400, status)
        self.assertIn("voter_ids=[1, 2, 3]", body)
        self.assertEqual(leader.id, self.wait_for_leader(self.nodes).id)


if __name__ == "__main__":
    unittest.main()
