"""operations.md §9, groups A, B and D, row by row: the commands of the operators' guides with the ports replaced."""

import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from harness import BIN, V003, V004, ClusterTest, free_port, keys_of, make_archive, metactl, read, wait_for


class GuideTest(ClusterTest):
    """A shell in a directory with the programs and the files of one guide."""

    def setUp(self):
        super().setUp()
        self.home = self.path("databend")
        os.mkdir(self.home)  # A1
        self.ports = {}
        self.servers = []
        self.addCleanup(self.kill_servers)

    def kill_servers(self):
        for server in self.servers:
            if server.poll() is None:
                server.kill()
                server.wait()

    def port(self, name):
        """The free port that stands for the one of the guide."""
        return self.ports.setdefault(name, free_port())

    def write(self, name, text):
        """A file of the guide: every five-digit port in it, and 9101 and 9191, becomes a free one."""
        with open(os.path.join(self.home, name), "w", encoding="utf-8") as file:
            file.write(re.sub(r"\b(28\d{3}|29\d{3}|9101|9191)\b", lambda found: str(self.port(found.group(1))), text))

    def shell(self, command):
        """Runs a command of the guide to its end."""
        command = re.sub(r"\b(28\d{3}|29\d{3}|9101|9191)\b", lambda found: str(self.port(found.group(1))), command)
        environment = {**os.environ, "PATH": BIN + os.pathsep + os.environ["PATH"]}
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=self.home, timeout=60,
                              env=environment, stdin=subprocess.DEVNULL)

    def serve(self, command):
        """Starts `command > log 2>&1 &` of the guide; the process, with `log` as its attribute."""
        server = subprocess.Popen(["bash", "-c", "exec " + command], cwd=self.home, stdin=subprocess.DEVNULL)
        server.log = os.path.join(self.home, re.search(r"> (\S+) 2>&1", command).group(1))
        self.servers.append(server)
        return server

    def wait_started(self, *servers):
        for server in servers:
            wait_for(f"{server.log} to say that the server started", lambda server=server:
                     self.alive(server) and read(server.log).endswith("Databend Metasrv started\n"))

    def alive(self, server):
        if server.poll() is not None:
            raise AssertionError(f"the server ended with {server.returncode}:\n{read(server.log)}")
        return os.path.exists(server.log)

    def stop(self, server):
        server.send_signal(signal.SIGTERM)
        self.assertEqual(0, server.wait(timeout=60))
        self.assertIn("Databend Metasrv shutdown\n", read(server.log))

    def expect_health(self, admin):
        answer = self.shell(f"curl -sI  http://127.0.0.1:{admin}/v1/health")
        self.assertEqual("HTTP/1.1 200 OK", answer.stdout.splitlines()[0])

    def fetch(self, admin, path):
        answer = self.shell(f"curl -s http://127.0.0.1:{admin}{path}")
        return json.loads(answer.stdout) if answer.returncode == 0 and answer.stdout else None

    def expect_three_members(self, admins, endpoints, seconds=10):
        """A12: every node lists the same three members and one leader."""
        expected = [{"name": str(index + 1), "endpoint": {"addr": host, "port": self.port(port)}}
                    for index, (host, port) in enumerate(endpoints)]

        def agreed():
            statuses = [self.fetch(admin, "/v1/cluster/status") for admin in admins]
            lists = [self.fetch(admin, "/v1/cluster/nodes") for admin in admins]
            if not all(statuses) or not all(lists):
                return False
            without_grpc = [[{key: member[key] for key in ("name", "endpoint")} for member in members] for members in lists]
            leaders = [status["leader"] and status["leader"]["name"] for status in statuses]
            return (all(members == expected for members in without_grpc) and leaders[0] and len(set(leaders)) == 1
                    and sum(status["is_leader"] for status in statuses) == 1 and all(len(s["voters"]) == 3 for s in statuses))

        wait_for("three members with one leader on every node", agreed, seconds)

    def leader_of(self, admin):
        status = self.fetch(admin, "/v1/cluster/status")
        return int(status["leader"]["name"]) if status and status["leader"] else None


DEPLOY_NODE = """
log_dir = "metadata/_logs{id}"
admin_api_address = "127.0.0.1:28{id}01"
grpc_api_address = "127.0.0.1:{grpc}"

[raft_config]
id = {id}
raft_dir = "metadata/datas{id}"
raft_api_port = 28{id}03
raft_listen_host = "127.0.0.1"
raft_advertise_host = "localhost"
{topology}
"""


class Deploy(GuideTest):
    """Group A: "Deploy a Databend Meta Service Cluster"."""

    @classmethod
    def setUpClass(cls):
        cls.published = tempfile.TemporaryDirectory(prefix="metasrv-e2e-")
        cls.archive = make_archive(cls.published.name)

    @classmethod
    def tearDownClass(cls):
        cls.published.cleanup()

    def unpack(self):
        """A2 to A4: what scripts/package makes, under the name of the guide."""
        name = "databend-v0.7.32-nightly-x86_64-unknown-linux-musl.tar.gz"
        shutil.copy(self.archive, os.path.join(self.home, name))
        self.assertEqual(0, self.shell(f"tar xzvf {name}").returncode)
        self.assertIn("databend-meta\n", self.shell("ls").stdout)
        self.assertTrue(os.access(os.path.join(self.home, "databend-meta"), os.X_OK))

    def test_a_standalone_node_starts_answers_and_keeps_its_data(self):
        self.unpack()
        self.write("databend-meta.toml", """
log_dir = "metadata/_logs"
admin_api_address = "127.0.0.1:28101"
grpc_api_address = "127.0.0.1:9101"
[raft_config]
id = 1
single = true
raft_dir = "metadata/datas"
raft_api_port = 28004
""")
        command = "./databend-meta -c ./databend-meta.toml > meta.log 2>&1"
        server = self.serve(command)  # A5
        self.wait_started(server)
        for line in (f"HTTP API listen at: 127.0.0.1:{self.port('28101')}\n",
                     f"gRPC API listen at: 127.0.0.1:{self.port('9101')} advertise: -\n",
                     f"Raft API listen at: 127.0.0.1:{self.port('28004')} advertise: ", "    Register-node: Ok\n"):
            self.assertIn(line, read(server.log))
        for directory in ("metadata/_logs", "metadata/datas"):
            self.assertTrue(os.path.isdir(os.path.join(self.home, directory)))
        self.expect_health("28101")  # A6
        address = f"127.0.0.1:{self.port('9101')}"
        self.assertEqual(0, metactl("upsert", "--grpc-api-address", address, "--key", "kept", "--value", "1").returncode)
        self.stop(server)  # A7
        server = self.serve(command)
        self.wait_started(server)
        self.assertIn("    Register-node: Ok\n", read(server.log))
        self.assertEqual(1, len(self.fetch("28101", "/v1/cluster/status")["voters"]))
        self.assertIn('"data":[49]', metactl("get", "--grpc-api-address", address, "--key", "kept").stdout)

    def test_three_nodes_become_a_cluster_that_survives_its_leader(self):
        self.unpack()
        for node_id, grpc, topology in ((1, 9191, ""), (2, 28202, 'join = ["localhost:28103"]'),
                                        (3, 28302, 'join = ["localhost:28103"]')):
            self.write(f"databend-meta-{node_id}.toml", DEPLOY_NODE.format(id=node_id, grpc=grpc, topology=topology))
        refused = self.serve("./databend-meta -c ./databend-meta-1.toml > meta1.log 2>&1")  # A8, as printed
        self.assertEqual(1, refused.wait(timeout=60))
        self.assertIn("Error: at least one of `single` and `join` needs to be enabled\n", read(refused.log))
        first = self.serve("./databend-meta -c ./databend-meta-1.toml --single > meta1.log 2>&1")  # A8, as meant
        self.wait_started(first)
        raft = self.port("28103")
        self.assertIn(f"Raft API listen at: 127.0.0.1:{raft} advertise: localhost:{raft}\n", read(first.log))
        self.expect_health("28101")  # A9
        grpc = {1: f"127.0.0.1:{self.port('9191')}", 2: f"127.0.0.1:{self.port('28202')}", 3: f"127.0.0.1:{self.port('28302')}"}
        self.assertEqual(0, metactl("upsert", "--grpc-api-address", grpc[1], "--key", "before", "--value", "1").returncode)
        others = [self.serve(f"./databend-meta -c ./databend-meta-{node_id}.toml > meta{node_id}.log 2>&1")
                  for node_id in (2, 3)]  # A10, A11: in the same moment
        self.wait_started(*others)
        for server in others:
            self.assertIn(f'      Status: join ["localhost:{raft}"]\n', read(server.log))
            self.assertIn("Leader Id: 1\n", read(server.log))
        self.expect_three_members(["28101", "28201", "28301"],
                                  [("localhost", "28103"), ("localhost", "28203"), ("localhost", "28303")])  # A12
        self.assertEqual(0, metactl("upsert", "--grpc-api-address", grpc[3], "--key", "any", "--value", "2").returncode)  # A13
        for address in (grpc[1], grpc[2]):
            self.assertIn('"data":[50]', metactl("get", "--grpc-api-address", address, "--key", "any").stdout)
        self.assertIn('"data":[49]', metactl("get", "--grpc-api-address", grpc[2], "--key", "before").stdout)  # A15
        leader = self.leader_of("28101")  # A14
        (first, *others)[leader - 1].kill()
        admins = [f"28{node_id}01" for node_id in (1, 2, 3) if node_id != leader]
        wait_for("another leader", lambda: self.leader_of(admins[0]) not in (None, leader), 4)
        survivor = next(node_id for node_id in (1, 2, 3) if node_id != leader)
        wait_for("a write with two of three", lambda: metactl(
            "upsert", "--grpc-api-address", grpc[survivor], "--key", "after", "--value", "3").returncode == 0)


class MetasrvDeploy(GuideTest):
    """Group B: "metasrv-deploy: Deploy metasrv cluster of 3 nodes"."""

    FILE = """
log_dir            = "./_logs{id}"
metric_api_address = "0.0.0.0:28{id}00"
admin_api_address  = "0.0.0.0:28{id}01"
grpc_api_address   = "0.0.0.0:{grpc}"
[raft_config]
id                  = {id}
raft_dir            = "./_meta{id}"
raft_api_port       = 28{id}03
raft_listen_host    = "127.0.0.1"
raft_advertise_host = "localhost"
{topology}
"""

    def test_the_three_printed_files_make_a_cluster(self):
        join = 'join = ["127.0.0.1:28103"]'
        for node_id, grpc, topology in ((1, 9191, "single = true"), (2, 28202, join), (3, 28302, join)):
            self.write(f"metasrv-{node_id}.toml", self.FILE.format(id=node_id, grpc=grpc, topology=topology))
        os.makedirs(os.path.join(self.home, "target"))
        os.symlink(BIN, os.path.join(self.home, "target", "debug"))
        command = "./target/debug/databend-meta -c metasrv-{0}.toml > {0}.log 2>&1"
        first = self.serve(command.format(1))  # B1
        self.wait_started(first)
        status = self.fetch("28101", "/v1/cluster/status")  # B2
        self.assertEqual("Leader", status["state"])
        for page in ("28101/v1/metrics", "28100/metrics"):  # B3
            self.assertIn("\nmetasrv_server_is_leader 1\n", self.shell(f"curl -s http://127.0.0.1:{page}").stdout)
        for node_id in (2, 3):  # B4, B5
            self.wait_started(self.serve(command.format(node_id)))
        endpoints = [("localhost", "28103"), ("localhost", "28203"), ("localhost", "28303")]
        self.expect_three_members(["28101", "28201", "28301"], endpoints)
        for node_id in (1, 2, 3):  # B6
            self.assertTrue(os.path.isdir(os.path.join(self.home, f"_meta{node_id}")))
            self.assertTrue(glob.glob(os.path.join(self.home, f"_logs{node_id}", "databend-meta-*.log")))
        self.stop(first)  # B7
        self.wait_started(self.serve(command.format(1)))
        self.expect_three_members(["28101", "28201", "28301"], endpoints)


def without_vote_and_commit_point(document):
    return [line for line in document.splitlines() if '{"Vote"' not in line and '{"Committed"' not in line]


class BackUp(ClusterTest):
    """Group D, exporting: "Back Up and Restore Databend Meta Service Cluster"."""

    def test_a_cluster_is_backed_up_from_any_node_and_from_a_stopped_one(self):
        first = self.node(1, single=True).start().wait_started()
        for node_id in (2, 3):
            self.node(node_id, join=[f"localhost:{first.raft}"]).start().wait_started()
        for number in range(10):
            self.assertTrue(first.put(f"app/{number}", str(number)))
        leader = self.wait_for_leader(self.nodes)
        follower = next(node for node in self.nodes if node is not leader)
        for node in (leader, follower):  # D1
            path = self.path(f"online-{node.id}.db")
            result = metactl("export", "--grpc-api-address", node.grpc_address, "--db", path)
            self.assertEqual((0, ""), (result.returncode, result.stdout))
            self.assertEqual(f"\nExport:\n    From: online meta-service: {node.grpc_address}\n    Export To: {path}\n"
                             f"    Export Chunk Size: None\n    To:   File: {path}\n", result.stderr)
            lines = read(path).splitlines()
            self.assertEqual('["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}]', lines[0])
            members = [line for line in lines if '"Nodes"' in line]  # D2
            self.assertEqual([f'["state_machine/0",{{"Nodes":{{"key":{one.id},"value":{{"name":"{one.id}","endpoint":'
                              f'{{"addr":"localhost","port":{one.raft}}},"grpc_api_advertise_address":"127.0.0.1:{one.grpc}"}}}}}}]'
                              for one in self.nodes], members)
            self.assertTrue(all(line.startswith('["state_machine/0",{') for line in lines[-10:]))
        online = follower.export()
        self.assertEqual(0, follower.stop())  # D3
        path = self.path("offline.db")
        result = metactl("export", "--raft-dir", follower.raft_dir, "--db", path)
        self.assertEqual((0, ""), (result.returncode, result.stdout))
        offline = read(path)
        self.assertIn(f"\nExported {len(offline.splitlines())} records\n", result.stderr)
        self.assertEqual(without_vote_and_commit_point(online), without_vote_and_commit_point(offline))
        self.assertRegex(offline, r'(?m)^\["state_machine/0",\{"StateMachineMeta":\{"key":"LastApplied","value":\{"LogId":'  # D4
                                  r'\{"leader_id":\{"term":\d+,"node_id":\d+\},"index":\d+\}\}\}\}\]$')
        self.assertNotIn("Initialized", offline)
        self.assertEqual(offline, metactl("export", "--raft-dir", follower.raft_dir).stdout)  # D5


class RestoreInPlace(ClusterTest):
    """Group D, importing into one directory."""

    def test_a_backup_replaces_the_data_of_a_node_and_it_starts_again(self):
        node = self.node(1, single=True).start().wait_started()
        self.assertTrue(node.put("app/a", "1"))
        self.assertTrue(node.put("app/b", "2"))
        self.assertEqual(0, node.stop())
        backup = self.path("backup.db")
        self.assertEqual(0, metactl("export", "--raft-dir", node.raft_dir, "--db", backup).returncode)
        expected = [line for line in read(backup).splitlines() if '"GenericKV"' in line]
        other = self.node(9, single=True).start().wait_started()  # a directory with other data (D9) and another id (D10)
        self.assertTrue(other.put("gone/soon", "x"))
        self.assertEqual(0, other.stop())
        unrelated = os.path.join(other.raft_dir, "notes.txt")
        with open(unrelated, "w", encoding="utf-8") as file:
            file.write("mine")
        result = metactl("import", "--raft-dir", other.raft_dir, "--db", backup)  # D6
        self.assertEqual((0, ""), (result.returncode, result.stdout), result.stderr)
        self.assertRegex(result.stderr, r"\nFinished import, max_log_id: 'T\d+-N1\.\d+'\n\Z")
        self.assertEqual("mine", read(unrelated))  # D9
        other.start().wait_started()  # D7
        exported = other.export()
        self.assertEqual(expected, [line for line in exported.splitlines() if '"GenericKV"' in line])
        self.assertIsNone(other.get("gone/soon"))
        self.assertIn('["raft_log",{"NodeId":1}]', exported)  # D10
        self.assertEqual(1, other.cluster_status()["id"])
        self.assertIn("the configured id 9 is ignored", other.output())
        self.assertEqual(0, other.stop())
        piped = subprocess.run(  # D8
            ["bash", "-c", f'cat "{backup}" | "{BIN}/databend-metactl" import --raft-dir "{other.raft_dir}"'],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(0, piped.returncode, piped.stderr)
        self.assertIn("    From: <stdin>\n", piped.stderr)
        self.assertEqual(read(backup), metactl("export", "--raft-dir", other.raft_dir).stdout)

    def test_exports_and_imports_are_fixed_points_also_from_an_older_backup(self):
        directory, again = self.path("old"), self.path("again")
        self.assertEqual(0, metactl("import", "--raft-dir", directory, "--db", V003).returncode)  # D17
        exported = metactl("export", "--raft-dir", directory).stdout
        self.assertEqual(read(V004), exported)
        self.assertEqual(0, subprocess.run([os.path.join(BIN, "databend-metactl"), "import", "--raft-dir", again],
                                           input=exported, text=True, capture_output=True, timeout=60).returncode)  # D16
        self.assertEqual(exported, metactl("export", "--raft-dir", again).stdout)


class RestoreCluster(ClusterTest):
    """Group D, a new cluster of three from the backup of another."""

    def test_three_directories_start_as_a_new_cluster(self):
        old = self.node(7, single=True).start().wait_started()
        for number in range(5):
            self.assertTrue(old.put(f"app/{number}", str(number)))
        backup = self.path("meta.db")
        self.assertEqual(0, old.ctl("export", "--db", backup).returncode)
        expected = keys_of(read(backup))
        nodes = [self.node(node_id) for node_id in (1, 2, 3)]
        peers = [text for node in nodes for text in ("--initial-cluster", f"{node.id}=localhost:{node.raft}")]
        for node in nodes:  # D11, D12, D13
            result = metactl("import", "--raft-dir", node.raft_dir, "--db", backup, f"--id={node.id}", *peers)
            self.assertEqual(0, result.returncode, result.stderr)
            lines = metactl("export", "--raft-dir", node.raft_dir).stdout.splitlines()
            self.assertIn(f'["raft_log",{{"NodeId":{node.id}}}]', lines)
            membership = next(line for line in lines if '"LastMembership"' in line)
            self.assertIn('"configs":[[1,2,3]]', membership)
            members = [json.loads(line)[1]["Nodes"] for line in lines if '{"Nodes"' in line]
            self.assertEqual([(one.id, {"addr": "localhost", "port": one.raft}) for one in nodes],
                             [(member["key"], member["value"]["endpoint"]) for member in members])
        untouched = self.path("new_meta4")  # D15
        os.mkdir(untouched)
        refused = metactl("import", "--raft-dir", untouched, "--db", backup, "--id=4", *peers)
        self.assertEqual(1, refused.returncode)
        self.assertIn("node id (4) has to be one of cluster member([1, 2, 3])", refused.stderr)
        self.assertEqual([], os.listdir(untouched))
        shutil.rmtree(untouched)
        for node in nodes:  # D14
            node.start()
        for node in nodes:
            node.wait_started()
        leader = self.wait_for_leader(nodes)
        self.assertEqual(["1", "2", "3"], [voter["name"] for voter in leader.cluster_status()["voters"]])
        for node in nodes:
            self.assertEqual(expected, keys_of(node.export()))
            self.assertEqual(["1", "2", "3"], [member["name"] for member in node.members()])


if __name__ == "__main__":
    unittest.main(verbosity=2)
