"""One backup becomes a new cluster of three: imports with --initial-cluster, then three servers."""

import json
import unittest

from harness import V003, V004, ClusterTest, free_port, keys_of, metactl, read, wait_for


class Restore(ClusterTest):
    def restored_cluster(self):
        ports = {node_id: free_port() for node_id in (1, 2, 3)}
        peers = [argument for node_id, port in ports.items() for argument in ("--initial-cluster", f"{node_id}=localhost:{port}")]
        for node_id, port in ports.items():
            node = self.node(node_id, raft_port=port)
            result = metactl("import", "--raft-dir", node.raft_dir, "--db", V003, f"--id={node_id}", *peers)
            self.assertEqual(0, result.returncode, result.stderr)
            yield node

    def test_three_directories_become_a_cluster_that_serves_every_key_of_the_backup(self):
        nodes = list(self.restored_cluster())
        for node in nodes:
            exported = metactl("export", "--raft-dir", node.raft_dir).stdout
            self.assertIn(f'["raft_log",{{"NodeId":{node.id}}}]', exported)
            self.assertIn('"configs":[[1,2,3]]', exported)
            for other in nodes:
                self.assertIn(f'"endpoint":{{"addr":"localhost","port":{other.raft}}}', exported)
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_started()
        self.wait_for_leader(nodes)
        expected = keys_of(read(V004), lasting=True)  # the rest expired years ago
        for node in nodes:
            self.assertEqual(b"87", node.get("__fd_table/1/nation"))
            self.assertEqual(expected, keys_of(node.export()))
            self.assertEqual({"1", "2", "3"}, {member["name"] for member in node.members()})
        self.assertTrue(nodes[2].put("after/restore", "x"))
        for node in nodes:
            self.assertEqual(b"x", node.get("after/restore"))
        wait_for("every node to export the same state",
                 lambda: len({json.dumps(sorted(keys_of(node.export()).items()), default=str) for node in nodes}) == 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
