"""Checking, packing and restoring backups with the real programs; a restore is proved equal by its state hash."""

import json
import os
import pty
import re
import select
import subprocess
import unittest

from harness import BIN, V003, V004, ClusterTest, free_port, keys_of, metactl, read, wait_for


def state_hash_of(text):
    return re.search(r"^StateHash: ([0-9a-f]{16})$", text, re.MULTILINE).group(1)


class Verify(ClusterTest):
    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def verified(self, db, *arguments):
        result = metactl("verify", "--db", db, *arguments)
        self.assertEqual(0, result.returncode, result.stderr)
        return result.stdout

    def node_state_hash(self, node):
        status, body = node.http("/v1/cluster/state_hash")
        self.assertEqual(200, status)
        return json.loads(body)["state_hash"]

    def peers(self, ports):
        return [argument for node_id, port in ports.items() for argument in ("--initial-cluster", f"{node_id}=localhost:{port}")]

    def test_genuine_backups_verify_and_both_versions_have_one_state_hash(self):
        report = self.verified(V003)
        self.assertIn("DataVersion: V003\nRecords: 165\n", report)
        self.assertEqual(state_hash_of(report), state_hash_of(self.verified(V004)))
        piped = metactl("verify", stdin=read(V003))
        self.assertEqual((0, report), (piped.returncode, piped.stdout))

    def test_a_node_shows_the_state_hash_of_its_backup(self):
        node = self.node(1, single=True).start().wait_started()
        self.assertTrue(node.put("a", "1"))
        self.assertTrue(node.put("b", "2"))
        backup = self.write("backup", node.export())
        found = self.node_state_hash(node)
        self.assertEqual(found, state_hash_of(self.verified(backup, "--state-hash", found)))
        self.assertTrue(node.put("b", "3"))
        self.assertNotEqual(found, self.node_state_hash(node))
        other = metactl("verify", "--db", backup, "--state-hash", self.node_state_hash(node))
        self.assertEqual(1, other.returncode)
        self.assertIn("the backup does not hold the state that was asked for", other.stderr)

    def test_what_is_wrong_with_a_backup_is_named(self):
        lines = read(V004).splitlines(keepends=True)
        short = metactl("verify", "--db", self.write("short", "".join(lines)[:-20]))
        self.assertEqual(1, short.returncode)
        self.assertRegex(short.stderr, rf"Error: .* \(line {len(lines)}, column \d+\)")
        for line, found in ((next(line for line in lines if '"Expire"' in line), "has no expiry entry"),
                            (next(line for line in lines if '"Nodes"' in line), "is not in `Nodes`"),
                            (next(line for line in lines if '"Sequences"' in line), "above the last sequence number")):
            result = metactl("verify", "--db", self.write("odd", "".join(lines).replace(line, "")))
            self.assertEqual(1, result.returncode)
            self.assertIn(found, result.stderr)
            self.assertIn("StateHash: ", result.stdout)

    def test_progress_is_shown_to_a_terminal(self):
        header, *lines = read(V004).splitlines(keepends=True)
        node_line = next(line for line in lines if '"Nodes"' in line)  # may come any number of times
        watched, terminal = pty.openpty()
        with subprocess.Popen([os.path.join(BIN, "databend-metactl"), "verify"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=terminal, text=True) as process:
            os.close(terminal)
            process.stdin.write(header)
            seen = b""
            while b"lines/s" not in seen:
                process.stdin.write(node_line * 300)
                if select.select([watched], [], [], 0)[0]:
                    seen += os.read(watched, 4096)
            process.stdin.close()
            process.wait()
        os.close(watched)
        self.assertRegex(seen, rb"[0-9,]+ lines, [0-9,]+ lines/s")
        self.assertNotIn("lines/s", metactl("verify", stdin=header + node_line * 300).stderr)

    def test_packed_backups_are_read_and_written_by_their_names(self):
        metactl("import", "--raft-dir", self.path("a"), "--db", V003)
        for ending in ("zst", "gz"):
            packed = self.path(f"backup.jsonl.{ending}")
            self.assertEqual(0, metactl("export", "--raft-dir", self.path("a"), "--db", packed).returncode)
            self.assertLess(os.path.getsize(packed), os.path.getsize(V004) // 3)
            self.assertEqual(state_hash_of(self.verified(V004)), state_hash_of(self.verified(packed)))
            self.assertEqual(0, metactl("import", "--raft-dir", self.path(ending), "--db", packed).returncode)
            self.assertEqual(read(V004), metactl("export", "--raft-dir", self.path(ending)).stdout)
            with open(packed, "rb") as whole, open(self.path(f"short.{ending}"), "wb") as short:
                short.write(whole.read()[:-9])
            refused = metactl("import", "--raft-dir", self.path(ending), "--db", self.path(f"short.{ending}"))
            self.assertEqual(1, refused.returncode)
            self.assertIn("cut short", refused.stderr)
            self.assertIn("as before", refused.stderr)
            self.assertEqual(read(V004), metactl("export", "--raft-dir", self.path(ending)).stdout)

    def test_a_node_is_exported_into_a_packed_file_that_replaces_the_old_one_at_the_end(self):
        node = self.node(1, single=True).start().wait_started()
        node.put("a", "1")
        packed = self.write("backup.zst", "old")
        self.assertEqual(0, node.ctl("export", "--db", packed).returncode)
        self.verified(packed)
        self.assertEqual(["backup.zst"], [name for name in os.listdir(self.directory) if name.startswith("backup")])

    def test_one_command_restores_a_whole_cluster_with_the_state_of_the_backup(self):
        ports = {node_id: free_port() for node_id in (1, 2, 3)}
        nodes = [self.node(node_id, raft_port=port) for node_id, port in ports.items()]
        # Nothing of it expires, so that the state stays as it is until somebody writes.
        lasting = "".join(line for line in read(V004).splitlines(keepends=True) if '"Expire"' not in line and '"expire_at":1' not in line
                          or '"raft_log"' in line)
        backup = self.write("backup.jsonl", lasting)
        dirs = [argument for node in nodes for argument in ("--raft-dir", f"{node.id}={node.raft_dir}")]
        result = metactl("restore", "--db", backup, *self.peers(ports), *dirs)
        self.assertEqual(0, result.returncode, result.stderr)
        for node in nodes:
            self.assertIn(f"databend-meta --id {node.id} --raft-dir {node.raft_dir} --raft-advertise-host localhost "
                          f"--raft-api-port {node.raft}", result.stdout)
        for node in nodes:
            node.start()
        for node in nodes:
            node.wait_started()
        self.wait_for_leader(nodes)
        expected = state_hash_of(result.stdout)
        self.assertEqual(expected, state_hash_of(self.verified(backup)))
        for node in nodes:
            wait_for("the state hash of the backup", lambda node=node: self.node_state_hash(node) == expected)
            self.assertEqual(keys_of(lasting), keys_of(node.export()))
            self.assertEqual({"1", "2", "3"}, {member["name"] for member in node.members()})
        self.assertTrue(nodes[1].put("after/restore", "x"))
        self.assertEqual(b"x", nodes[2].get("after/restore"))

    def test_a_restore_gives_every_member_what_an_import_gives_it(self):
        ports = {1: 28103, 2: 28203}
        result = metactl("restore", "--raft-dir-root", self.path("root"), *self.peers(ports), stdin=read(V003))
        self.assertEqual(0, result.returncode, result.stderr)
        for node_id in ports:
            self.assertEqual(0, metactl("import", "--raft-dir", self.path("one"), "--db", V003, f"--id={node_id}",
                                        *self.peers(ports)).returncode)
            self.assertEqual(metactl("export", "--raft-dir", self.path("one")).stdout,
                             metactl("export", "--raft-dir", self.path(f"root/meta{node_id}")).stdout)

    def test_a_restore_of_some_members_says_how_the_others_are_restored(self):
        result = metactl("restore", "--db", V003, *self.peers({1: 28103, 2: 28203}), "--raft-dir", f"2={self.path('two')}")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertIn("Restore the other members from the same backup", result.stdout)
        self.assertIn("--initial-cluster 2=localhost:28203 --raft-dir 1=", result.stdout)
        self.assertIn('["raft_log",{"NodeId":2}]', metactl("export", "--raft-dir", self.path("two")).stdout)

    def test_a_restore_replaces_nothing_unasked_and_nothing_at_all_from_a_bad_backup(self):
        ports = {1: 28103, 2: 28203}
        root = ["--raft-dir-root", self.path("root"), *self.peers(ports)]
        self.assertEqual(0, metactl("restore", *root, stdin=read(V003)).returncode)
        before = [metactl("export", "--raft-dir", self.path(f"root/meta{node_id}")).stdout for node_id in ports]
        again = metactl("restore", *root, stdin=read(V003))
        self.assertEqual(1, again.returncode)
        self.assertIn("already holds the data of a node", again.stderr)
        bad = metactl("restore", "--overwrite", *root, stdin=read(V003)[:-100])
        self.assertEqual(1, bad.returncode)
        self.assertIn("All directories are as before", bad.stderr)
        self.assertEqual(before, [metactl("export", "--raft-dir", self.path(f"root/meta{node_id}")).stdout for node_id in ports])
        self.assertEqual(0, metactl("restore", "--overwrite", *root, stdin=read(V004)).returncode)
        for wrong, why in ((["--raft-dir", "3=x"], "does not name"), (["--raft-dir", "x"], "<id>=<directory>"),
                           (["--raft-dir", "1=x", "--raft-dir", "2=x"], "one directory of its own")):
            result = metactl("restore", *self.peers(ports), *wrong, stdin=read(V003))
            self.assertEqual(1, result.returncode)
            self.assertIn(why, result.stderr)
            self.assertFalse(os.path.exists("x"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
