"""SIGKILL at random moments: import, export, restore and the server. What a directory holds afterwards is always one
whole state: the old one, the new one, or a backup and every write that was acknowledged since.

METASRV_KILL_MOMENTS is the number of moments, METASRV_KILL_SEED draws them."""

import os
import random
import shutil
import subprocess
import threading
import time
import unittest

from harness import BIN, ClusterTest, free_port, keys_of, metactl, read, wait_for

MOMENTS = int(os.environ.get("METASRV_KILL_MOMENTS", "20"))
SEED = int(os.environ.get("METASRV_KILL_SEED", "1"))
KEYS = 20000
WRITERS = 4


def document(keys, mark):
    """A canonical backup with log entries and records; importing and exporting it changes nothing."""
    log_id = '{"leader_id":{"term":1,"node_id":1},"index":%d}'
    yield '["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}]'
    yield '["raft_log",{"NodeId":1}]'
    yield '["raft_log",{"Vote":{"leader_id":{"term":1,"node_id":1},"committed":true}}]'
    yield '["raft_log",{"Committed":%s}]' % (log_id % (keys + 3000))
    yield '["raft_log",{"Purged":%s}]' % (log_id % keys)
    for index in range(keys + 1, keys + 3001):
        yield '["raft_log",{"LogEntry":{"log_id":%s,"payload":"Blank"}}]' % (log_id % index)
    yield '["state_machine/0",{"Sequences":{"key":"generic-kv","value":%d}}]' % keys
    yield '["state_machine/0",{"StateMachineMeta":{"key":"LastApplied","value":{"LogId":%s}}}]' % (log_id % (keys + 3000))
    yield ('["state_machine/0",{"StateMachineMeta":{"key":"LastMembership","value":{"Membership":{"log_id":null,'
           '"membership":{"configs":[[1]],"nodes":{"1":{}}}}}}}]')
    yield ('["state_machine/0",{"Nodes":{"key":1,"value":{"name":"1","endpoint":{"addr":"localhost","port":28103},'
           '"grpc_api_advertise_address":null}}}]')
    for i in range(keys):
        yield ('["state_machine/0",{"GenericKV":{"key":"%s/%08d","value":{"seq":%d,"meta":null,"data":[%s]}}}]'
               % (mark, i, i + 1, ",".join(["120"] * 64)))


class Kill(ClusterTest):
    def setUp(self):
        super().setUp()
        self.rng = random.Random(SEED)
        self.killed = 0

    def write(self, name, lines):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
        return self.path(name)

    def exported(self, directory):
        result = metactl("export", "--raft-dir", directory)
        self.assertEqual(0, result.returncode, result.stderr)
        return result.stdout

    def run_until(self, seconds, *arguments):
        """Runs databend-metactl and kills it after `seconds`; None: lets it end and tells how long it took."""
        began = time.monotonic()
        with subprocess.Popen([os.path.join(BIN, "databend-metactl"), *arguments], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as process:
            if seconds is not None:
                time.sleep(seconds)
                self.killed += process.poll() is None
                process.kill()
            process.wait()
        return time.monotonic() - began

    def moments(self, share, whole):
        """Moments within a piece of work that takes `whole` seconds, and just after it."""
        for _ in range(max(1, MOMENTS * share // 10)):
            yield self.rng.uniform(0, 1.1 * whole)

    def test_a_killed_import_leaves_the_old_data_or_the_new(self):
        old, new = self.write("old", document(KEYS // 4, "old")), self.write("new", document(KEYS, "new"))
        contents = [read(old), read(new)]
        directory = self.path("d")
        metactl("import", "--raft-dir", directory, "--db", old)
        whole = self.run_until(None, "import", "--raft-dir", self.path("e"), "--db", new)
        for moment in self.moments(3, whole):
            self.run_until(moment, "import", "--raft-dir", directory, "--db", new)
            found = self.exported(directory)
            self.assertIn(found, contents)
            self.assertEqual(["df_meta"], os.listdir(directory))
            if found == contents[1]:
                metactl("import", "--raft-dir", directory, "--db", old)

    def test_a_killed_import_into_an_empty_directory_leaves_it_empty_or_whole(self):
        new = self.write("new", document(KEYS, "new"))
        whole = self.run_until(None, "import", "--raft-dir", self.path("e"), "--db", new)
        for moment in self.moments(1, whole):
            shutil.rmtree(self.path("d"), ignore_errors=True)
            self.run_until(moment, "import", "--raft-dir", self.path("d"), "--db", new)
            found = self.exported(self.path("d"))
            self.assertTrue(found == read(new) or len(found.splitlines()) == 5, found[:300])

    def test_a_killed_export_leaves_the_old_file_or_the_new(self):
        metactl("import", "--raft-dir", self.path("d"), "--db", self.write("new", document(KEYS, "new")))
        target = self.write("backup", ["old"])
        whole = self.run_until(None, "export", "--raft-dir", self.path("d"), "--db", self.path("other"))
        for moment in self.moments(2, whole):
            self.run_until(moment, "export", "--raft-dir", self.path("d"), "--db", target)
            self.assertIn(read(target), ["old\n", read(self.path("new"))])
            self.write("backup", ["old"])
        self.assertEqual(read(self.path("new")), self.exported(self.path("d")))

    def test_a_killed_restore_leaves_every_directory_old_or_new(self):
        old, new = self.write("old", document(100, "old")), self.write("new", document(KEYS, "new"))
        peers = [argument for node_id in (1, 2, 3) for argument in ("--initial-cluster", f"{node_id}=localhost:2810{node_id}")]

        def restore(root, db):
            return ["restore", "--overwrite", "--db", db, "--raft-dir-root", self.path(root), *peers]

        def contents(root):
            return [self.exported(self.path(f"{root}/meta{node_id}")) for node_id in (1, 2, 3)]

        whole = self.run_until(None, *restore("reference", new))
        wanted = contents("reference")
        self.run_until(None, *restore("d", old))
        before = contents("d")
        for moment in self.moments(2, whole):
            self.run_until(moment, *restore("d", new))
            for found, one, other in zip(contents("d"), before, wanted):
                self.assertIn(found, [one, other])
            self.run_until(None, *restore("d", old))

    def test_a_killed_server_on_a_restored_directory_keeps_the_backup_and_what_it_acknowledged(self):
        port = free_port()
        node = self.node(1, raft_port=port)
        backup = self.write("new", document(500, "new"))
        metactl("import", "--raft-dir", node.raft_dir, "--db", backup, "--id=1", "--initial-cluster", f"1=localhost:{port}")
        acknowledged, tried = set(), 0
        for moment in self.moments(2, 1.0):
            node.start()
            ended = threading.Event()

            def put(names, node=node, ended=ended):
                for name in names:
                    if ended.is_set():
                        return
                    if node.put(name, "x"):
                        acknowledged.add(name)

            writers = [threading.Thread(target=put, args=([f"w{tried + w}/{i:04}" for i in range(1000)],)) for w in range(WRITERS)]
            tried += WRITERS
            for writer in writers:
                writer.start()
            time.sleep(moment)
            self.killed += node.process.poll() is None
            node.kill()
            ended.set()
            for writer in writers:
                writer.join()
            node.start()
            self.wait_for_leader([node])
            wait_for("what was acknowledged", lambda: acknowledged <= keys_of(node.export()).keys())
            self.assertEqual(500, sum(key.startswith("new/") for key in keys_of(node.export())))
            node.kill()

    def tearDown(self):
        print(f"killed {self.killed} times while it ran", flush=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
