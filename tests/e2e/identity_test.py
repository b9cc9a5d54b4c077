"""Data directories that are lost, and come back empty."""

import glob
import os
import shutil
import unittest

from harness import ClusterTest, free_port, wait_for


class Identity(ClusterTest):
    def three_nodes(self):
        first = self.node(1, single=True).start().wait_started()
        third_port = free_port()
        second = self.node(2, join=[f"localhost:{first.raft}", f"localhost:{third_port}"]).start().wait_started()
        joins = [f"localhost:{first.raft}", f"localhost:{second.raft}"]
        self.node(3, join=joins, raft_port=third_port).start().wait_started()
        self.wait_for_leader(self.nodes)
        return self.nodes

    def expect_voters(self, node, *names):
        wait_for(f"node {node.id} to list the voters {names}",
                 lambda: [member["name"] for member in node.cluster_status().get("voters", [])] == list(names))

    def value_or_none(self, node, key):
        try:
            return node.get(key)
        except AssertionError:
            return None  # no leader yet

    def written_logs(self, node):
        text = node.output()
        for path in glob.glob(os.path.join(self.directory, f"_logs{node.id}", "**"), recursive=True):
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text

    def test_a_follower_with_an_emptied_directory_is_refilled_and_votes_again(self):
        first, second, third = self.three_nodes()
        for number in range(20):
            self.assertTrue(first.put(f"k/{number}", str(number)))
        third.stop()
        shutil.rmtree(third.raft_dir)
        third.start().wait_started()
        self.assertIn("Databend Metasrv started", third.output())
        for node in self.nodes:
            self.expect_voters(node, "1", "2", "3")
        for number in range(20):
            self.assertEqual(str(number).encode(), third.get(f"k/{number}"))
        # It counts: the other follower is not needed any more.
        second.kill()
        self.assertTrue(wait_for("a write by two of three", lambda: first.put("after", "1")))

    def test_an_emptied_follower_does_not_help_a_stale_node_to_lead(self):
        first, second, third = self.three_nodes()
        wait_for("node 1 to lead", lambda: first.cluster_status().get("is_leader"))
        third.stop()
        self.assertTrue(first.put("only/on/two", "1"))
        second.stop()
        shutil.rmtree(second.raft_dir)
        first.kill()
        third.start()
        # Node 2 joins through both others; as long as it asks it takes part in elections.
        second.start()
        wait_for("node 2 to refuse its vote", lambda: "wiped-voter-refused" in self.written_logs(second))
        self.assertFalse(third.cluster_status().get("is_leader"))
        first.start().wait_started()
        wait_for("the write to be there", lambda: self.value_or_none(third, "only/on/two") == b"1")


if __name__ == "__main__":
    unittest.main(verbosity=2)
