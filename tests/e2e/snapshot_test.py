"""A joiner of a cluster with a large state dies in the middle of the transfer and goes on where it was."""

import json
import os
import re
import unittest

from harness import TEMPLATE, ClusterTest, metactl, wait_for

KEYS = 200_000
VALUE = list(b"a value of some fifty bytes, as schemas have them")
# A rate at which the transfer can be watched, and pieces small enough to count.
SLOW = TEMPLATE + """snapshot_chunk_size = 262144
snapshot_send_rate = 8388608
max_applied_log_to_keep = 0
"""


class SnapshotTransfer(ClusterTest):
    def metric(self, node, name):
        found = re.search(rf"^metasrv_raft_network_snapshot_{name}_total (\S+)$", node.http("/v1/metrics")[1], re.MULTILINE)
        return float(found.group(1)) if found else 0.0

    def node_with_many_keys(self):
        """Node 1 of a cluster of its own, with KEYS records."""
        node = self.node(1, single=True, template=SLOW).start().wait_started()
        self.assertEqual(0, node.stop())
        exported = metactl("export", "--raft-dir", node.raft_dir)
        self.assertEqual(0, exported.returncode, exported.stderr)
        self.assertIn('"Sequences"', exported.stdout)
        document = self.path("many.jsonl")
        with open(document, "w", encoding="utf-8") as lines:
            for line in exported.stdout.splitlines():
                if '"Sequences"' in line:
                    line = json.dumps(["state_machine/0", {"Sequences": {"key": "generic-kv", "value": KEYS}}])
                lines.write(line + "\n")
            for number in range(KEYS):
                record = {"key": f"many/{number:08}", "value": {"seq": number + 1, "meta": None, "data": VALUE}}
                lines.write(json.dumps(["state_machine/0", {"GenericKV": record}]) + "\n")
        imported = metactl("import", "--raft-dir", node.raft_dir, "--db", document)
        self.assertEqual(0, imported.returncode, imported.stderr)
        os.remove(document)
        node.start().wait_started()
        # Whoever joins must need the state: the log does not hold those records.
        self.assertEqual(0, metactl("trigger-snapshot", "--admin-api-address", node.admin_address).returncode)
        wait_for("the log to be purged", lambda: node.cluster_status().get("purged"))
        return node

    def test_a_joiner_that_is_killed_in_the_middle_goes_on_where_it_was(self):
        first = self.node_with_many_keys()
        second, joiner = (self.node(node_id, join=[f"localhost:{first.raft}"], template=SLOW) for node_id in (2, 3))
        second.start().wait_started()
        whole = self.metric(first, "sent_bytes")
        self.assertGreater(whole, KEYS * len(VALUE))
        sent_before, resent_before = whole, self.metric(first, "resent_bytes")
        joiner.start()
        wait_for("most of the state to be sent", lambda: self.metric(first, "sent_bytes") - sent_before > 0.7 * whole)
        joiner.kill()
        joiner.start().wait_started()
        self.assertGreaterEqual(self.metric(first, "resumed"), 1)
        self.assertLess(self.metric(first, "resent_bytes") - resent_before, 0.25 * whole)
        self.assertEqual(bytes(VALUE), joiner.get(f"many/{KEYS - 1:08}"))
        wait_for("three voters", lambda: len(joiner.cluster_status().get("voters", [])) == 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
