"""databend-metactl's commands for looking closer (metactl.md §4.10, §4.13, §4.14)."""

import os
import re
import unittest

from harness import ClusterTest, metactl, wait_for


class Control(ClusterTest):
    def test_keys_layout_counts_directories_to_the_depth_asked_for(self):
        node = self.node(1, single=True).start().wait_started()
        for key in ("a/b/1", "a/b/2", "a/c/3", "d", "e/f"):
            self.assertTrue(node.put(key, "v"))
        self.assertEqual(0, metactl("trigger-snapshot", "--admin-api-address", node.admin_address).returncode)

        def layout(*arguments):
            return node.ctl("keys-layout", *arguments)

        wait_for("the snapshot", lambda: layout().stdout)
        for arguments, lines in (([], ["a/b 2", "a/c 1", "a 3", "e 1", " 5"]), (["--depth", "0"], [" 5"]),
                                 (["--depth", "1"], ["a 3", "e 1", " 5"]),
                                 (["--depth", "2"], ["a/b 2", "a/c 1", "a 3", "e 1", " 5"])):
            result = layout(*arguments)
            self.assertEqual((0, lines), (result.returncode, result.stdout.splitlines()), arguments)
            depth = f"Some({arguments[1]})" if arguments else "None"
            self.assertEqual(f"\nKeys Layout:\n    From: online meta-service: {node.grpc_address}\n    Depth: {depth}\n",
                             result.stderr)

    def test_a_snapshot_that_was_asked_for_gets_a_file_with_its_name(self):
        """metactl.md §4.5; config-and-cli.md §8."""
        node = self.node(1, single=True).start().wait_started()
        directory = os.path.join(node.raft_dir, "df_meta", "V004", "snapshot")
        seen = set()
        for value in ("x", "y"):
            self.assertTrue(node.put("k", value))
            self.assertEqual(0, metactl("trigger-snapshot", "--admin-api-address", node.admin_address).returncode)
            names = wait_for("a new *.snap", lambda: sorted(set(os.listdir(directory)) - seen))
            self.assertRegex(names[-1], r"\A1-1-\d+-\d{13}\.snap\Z")
            seen.update(names)
        wait_for("the older one to go", lambda: os.listdir(directory) == [names[-1]])

    def test_many_connections_are_opened_and_kept(self):
        node = self.node(1, single=True).start().wait_started()
        result = node.ctl("bench-client-num-conn", "--num", "3")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertEqual(
            f"loop: connect to metasrv {node.grpc_address}, get_kv('foo'), do not drop the connection, num=3\n"
            "1-th: get_kv(foo): Ok(None)\n2-th: get_kv(foo): Ok(None)\n3-th: get_kv(foo): Ok(None)\n"
            "bench completed: 3 connections created\n", result.stdout)
        self.assertTrue(node.put("foo", "v"))
        self.assertRegex(node.ctl("bench-client-num-conn", "--num=1").stdout,
                         r'\n1-th: get_kv\(foo\): Ok\(Some\(SeqV \{ seq: 1, .*data: "\[binary\]" \}\)\)\n')

    def test_the_log_of_a_stopped_node_is_printed_record_by_record(self):
        node = self.node(7, single=True).start().wait_started()
        self.assertTrue(node.put("fruit/a", "pear"))
        locked = metactl("dump-raft-log-wal", "--raft-dir", node.raft_dir)
        self.assertEqual((1, ""), (locked.returncode, locked.stdout))
        self.assertIn("locked", locked.stderr)
        self.assertEqual(0, node.stop())
        result = metactl("dump-raft-log-wal", "--raft-dir", node.raft_dir)
        self.assertEqual((0, ""), (result.returncode, result.stderr))
        lines = result.stdout.splitlines()
        self.assertEqual(["RaftLog:", "ChunkId(00_000_000_000_000_000_000)"], lines[:2])
        offset = 0
        for number, line in enumerate(lines[2:]):
            found = re.fullmatch(r"  R-(\d{5}): \[([\d_]+), ([\d_]+)\) Size\((\d+)\): .+", line)
            self.assertTrue(found, line)
            begin, end = (int(text.replace("_", "")) for text in found.group(2, 3))
            self.assertEqual((number, offset, int(found.group(4))), (int(found.group(1)), begin, end - begin), line)
            offset = end
        records = [line.split("): ", 1)[1] for line in lines[2:]]
        time = r"time: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"
        address = rf"id=7 raft=localhost:{node.raft} grpc=127\.0\.0\.1:{node.grpc}"
        for pattern in (r"Checkpoint\(RaftLogState\(vote: None, .* user_data: LogStoreMeta\{ node_id: Some\(7\) \}\)\)",
                        r"Append\(log_id: T0-N7\.0, payload: membership:\{voters:\[\{7:EmptyNode\}\], learners:\[\]\}\)",
                        r"Append\(log_id: T1-N7\.1, payload: blank\)",
                        rf"Append\(log_id: T1-N7\.2, payload: normal:{time} cmd: add_node\(no-override\):7={address}\)",
                        rf"Append\(log_id: T1-N7\.4, payload: normal:{time} cmd: add_node\(override\):7={address}\)",
                        rf"Append\(log_id: T1-N7\.5, payload: normal:{time} cmd: txn:TxnRequest\{{if:\[fruit/a >= seq\(0\)\] "
                        r"then:\[Put\(Put key=fruit/a\)\] else:\[Get\(Get key=fruit/a\)\]\}\)",
                        r"SaveVote\(<T1-N7:Q>\)", r"Commit\(T1-N7\.\d+\)"):
            self.assertEqual(1, sum(bool(re.fullmatch(pattern, record)) for record in records), (pattern, records))
        values = metactl("dump-raft-log-wal", "-V", "-R", "--raft-dir", node.raft_dir).stdout
        self.assertIn("    txn.if_then[0].put fruit/a:\n      unknown-prefix(4 bytes)\n"
                      "    txn.if_then[0].put fruit/a raw:\n      [112, 101, 97, 114]\n", values)

    def test_a_directory_without_a_node_has_no_log_and_stays_as_it_was(self):
        path = self.path("nothing")
        result = metactl("dump-raft-log-wal", "--raft-dir", path)
        self.assertEqual((1, ""), (result.returncode, result.stdout))
        self.assertEqual(f"Error: '{path}' is not the data directory of a node: it has no df_meta\n", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
