"""Backup and restore with the real programs and a real backup."""

import os
import re
import sys
import unittest

from harness import V003, V004, ClusterTest, free_port, keys_of, metactl, read, wait_for

sys.path.insert(0, os.path.dirname(V003))
import make_golden  # noqa: E402


class Backup(ClusterTest):
    def import_file(self, directory, *arguments, db=V003):
        result = metactl("import", "--raft-dir", directory, "--db", db, *arguments)
        self.assertEqual((0, ""), (result.returncode, result.stdout), result.stderr)
        return result.stderr

    def export_directory(self, directory):
        result = metactl("export", "--raft-dir", directory)
        self.assertEqual(0, result.returncode, result.stderr)
        return result.stdout

    def test_the_golden_file_is_what_the_rules_make_of_the_genuine_backup(self):
        self.assertEqual(read(V004), make_golden.golden(read(V003).splitlines()))

    def test_import_and_export_give_the_golden_bytes_and_are_a_fixed_point(self):
        report = self.import_file(self.path("a"))
        path = re.search(r"^V004: Imported 165 records, snapshot: (1-0-83-\d{13}); snapshot_path: (\S+/df_meta/V004/snapshot/\1\.snap);",
                         report, re.MULTILINE)[2]
        self.assertTrue(os.path.isfile(path), path)
        self.assertTrue(report.endswith("Finished import, max_log_id: 'T1-N0.83'\n"), report)
        self.assertEqual(read(V004), self.export_directory(self.path("a")))
        self.import_file(self.path("b"), db=V004)
        self.assertEqual(read(V004), self.export_directory(self.path("b")))

    def test_import_reads_standard_input_and_export_writes_a_file(self):
        result = metactl("import", "--raft-dir", self.path("a"), stdin=read(V003))
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertIn("From: <stdin>", result.stderr)
        result = metactl("export", "--raft-dir", self.path("a"), "--db", self.path("out"))
        self.assertEqual((0, ""), (result.returncode, result.stdout))
        self.assertIn("Exported 167 records\n", result.stderr)
        self.assertEqual(read(V004), read(self.path("out")))

    def test_the_flag_only_form_of_old_does_the_same(self):
        result = metactl("--import", "--raft-dir", self.path("a"), "--db", V003)
        self.assertEqual(0, result.returncode, result.stderr)
        result = metactl("--export", "--raft-dir", self.path("a"))
        self.assertEqual((0, read(V004)), (result.returncode, result.stdout))

    def test_an_empty_directory_exports_five_lines_and_keeps_the_id_it_was_given(self):
        for arguments in (["--id", "7"], []):
            result = metactl("export", "--raft-dir", self.path("new"), *arguments)
            self.assertEqual(['["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}]',
                              '["raft_log",{"NodeId":7}]', '["raft_log",{"Vote":null}]',
                              '["raft_log",{"Committed":null}]', '["raft_log",{"Purged":null}]'], result.stdout.splitlines())

    def test_a_failed_import_leaves_the_old_data(self):
        self.import_file(self.path("a"))
        lines = read(V003).splitlines(keepends=True)
        for broken in ([lines[0].replace("V003", "V100")], lines[1:], lines[:40] + ["not json\n"] + lines[40:], [],
                       lines[:30] + lines[31:]):
            result = metactl("import", "--raft-dir", self.path("a"), stdin="".join(broken))
            self.assertEqual(1, result.returncode)
            self.assertIn("Error: ", result.stderr)
            self.assertEqual(read(V004), self.export_directory(self.path("a")))

    def test_import_replaces_the_data_and_keeps_other_files(self):
        os.makedirs(self.path("a"))
        with open(self.path("a/notes.txt"), "w", encoding="utf-8") as file:
            file.write("mine")
        self.import_file(self.path("a"))
        header = read(V004).splitlines()[0] + "\n"
        self.assertEqual(0, metactl("import", "--raft-dir", self.path("a"), stdin=header).returncode)
        self.assertEqual({}, keys_of(self.export_directory(self.path("a"))))
        self.assertEqual("mine", read(self.path("a/notes.txt")))

    def test_a_member_list_without_this_node_is_refused_and_nothing_is_touched(self):
        result = metactl("import", "--raft-dir", self.path("a"), "--db", V003, "--id=4", "--initial-cluster", "1=localhost:29103",
                         "--initial-cluster", "2=localhost:29203")
        self.assertEqual(1, result.returncode)
        self.assertIn("node id (4) has to be one of cluster member([1, 2])", result.stderr)
        self.assertFalse(os.path.exists(self.path("a")))

    def test_a_server_on_an_imported_directory_exports_the_same_bytes_before_it_has_a_leader(self):
        node = self.node(1)
        self.import_file(node.raft_dir)
        node.start("--heartbeat-interval", "100000")
        wait_for("the gRPC port", lambda: node.must_live() and node.ctl("status").returncode == 0)
        self.assertEqual(read(V004), node.export())
        for command in (["import", "--db", V003], ["export"]):
            result = metactl(command[0], "--raft-dir", node.raft_dir, *command[1:])
            self.assertEqual(1, result.returncode)
            self.assertIn("already locked by another process", result.stderr)
        self.assertEqual(read(V004), node.export())

    def test_a_single_node_serves_a_restored_backup(self):
        port = free_port()
        node = self.node(1, raft_port=port)
        self.import_file(node.raft_dir, "--id=1", "--initial-cluster", f"1=localhost:{port}")
        node.start().wait_started()
        self.assertEqual(b"87", node.get("__fd_table/1/nation"))
        self.assertEqual(keys_of(read(V004), lasting=True), keys_of(node.export()))  # the rest expired years ago
        self.assertTrue(node.put("after/restore", "x"))
        running = node.export()
        self.assertEqual(0, node.stop())
        offline = self.export_directory(node.raft_dir)
        without_commit_point = [line for line in running.splitlines() if '{"Committed"' not in line]
        self.assertEqual(without_commit_point, [line for line in offline.splitlines() if '{"Committed"' not in line])


if __name__ == "__main__":
    unittest.main(verbosity=2)
