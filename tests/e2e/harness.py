"""Real processes on free ports: what the end-to-end tests share. Ends only what it started."""

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BIN = os.environ["METASRV_BIN"]
DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")
V003 = os.path.join(DATA, "databend-export-v003.jsonl")
V004 = os.path.join(DATA, "databend-export-v004.jsonl")
PATIENCE_SECONDS = 60  # how long anything may take on a busy machine before it counts as stuck

_handed_out = set()


def free_port():
    """A port nobody listens on, below the range that the system gives to outgoing connections."""
    while True:
        port = random.SystemRandom().randrange(12000, 32000)
        if port in _handed_out:
            continue
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            _handed_out.add(port)
            return port


def wait_for(what, condition, patience=PATIENCE_SECONDS):
    """Polls until `condition()` is truthy and returns that; raises naming `what` when it takes too long."""
    deadline = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"still waiting after {patience} s: {what}")
        time.sleep(0.05)


def metactl(*arguments, stdin=None, env=None):
    """Runs databend-metactl to its end: exit code, stdout and stderr as text."""
    return subprocess.run([os.path.join(BIN, "databend-metactl"), *arguments], capture_output=True, input=stdin, text=True,
                          timeout=PATIENCE_SECONDS, env=env)


def databend_meta(*arguments):
    """Runs databend-meta as a command that ends by itself, in an empty directory."""
    with tempfile.TemporaryDirectory(prefix="metasrv-e2e-") as directory:
        return subprocess.run([os.path.join(BIN, "databend-meta"), *arguments], capture_output=True, text=True, cwd=directory,
                              timeout=PATIENCE_SECONDS, stdin=subprocess.DEVNULL)


def make_archive(directory):
    """The path of the archive that scripts/package makes of the build that is tested."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "package")
    made = subprocess.run([script, "--no-build", directory], capture_output=True, text=True)
    if made.returncode != 0:
        raise AssertionError(made.stderr)
    return made.stdout.strip()


def keys_of(document, lasting=False):
    """key -> (seq, data bytes) of every record of a backup; `lasting`: of those that never expire."""
    result = {}
    for line in document.splitlines():
        body = json.loads(line)[1]
        if "GenericKV" in body:
            record = body["GenericKV"]
            if not lasting or not (record["value"]["meta"] or {}).get("expire_at"):
                result[record["key"]] = (record["value"]["seq"], bytes(record["value"]["data"]))
    return result


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


class Node:
    """One databend-meta process, restartable, with its configuration file and directory."""

    def __init__(self, directory, node_id, single=False, join=(), raft_port=None, template=None):
        self.id = node_id
        self.directory = directory
        self.raft_dir = os.path.join(directory, f"_meta{node_id}")
        self.admin, self.grpc, self.raft = free_port(), free_port(), raft_port or free_port()
        self.log = os.path.join(directory, f"meta{node_id}.log")
        self.config = os.path.join(directory, f"metasrv-{node_id}.toml")
        self.process = None
        self.log_offset = 0
        text = (template or TEMPLATE).format(id=node_id, admin=self.admin, grpc=self.grpc, raft=self.raft, metric=free_port())
        if single:
            text += "single = true\n"
        if join:
            text += f"join = {json.dumps(list(join))}\n"
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)

    def start(self, *flags):
        with open(self.log, "ab") as log:
            self.log_offset = log.tell()
            self.process = subprocess.Popen([os.path.join(BIN, "databend-meta"), "-c", self.config, *flags], stdout=log,
                                            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=self.directory)
        return self

    def wait_started(self):
        wait_for(f"node {self.id} to start", lambda: self.must_live() and "Databend Metasrv started" in self.output())
        return self

    def output(self):
        """What the process that runs now has printed."""
        with open(self.log, "rb") as log:
            log.seek(self.log_offset)
            return log.read().decode(errors="replace")

    def must_live(self):
        if self.process.poll() is not None:
            raise AssertionError(f"node {self.id} ended with {self.process.returncode}:\n{self.output()[-4000:]}")
        return True

    def stop(self):
        """SIGTERM, and the exit code."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def grpc_address(self):
        return f"127.0.0.1:{self.grpc}"

    @property
    def admin_address(self):
        return f"127.0.0.1:{self.admin}"

    def admin_connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.admin, timeout=5)

    def http(self, path, method="GET"):
        """(status, body), or (0, "") when nobody answers."""
        connection = self.admin_connection()
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""
        finally:
            connection.close()

    def members(self):
        status, body = self.http("/v1/cluster/nodes")
        return json.loads(body) if status == 200 else []

    def cluster_status(self):
        status, body = self.http("/v1/cluster/status")
        return json.loads(body) if status == 200 else {}

    def ctl(self, command, *arguments):
        return metactl(command, "--grpc-api-address", self.grpc_address, *arguments)

    def get(self, key):
        """The value as bytes, None when absent; raises when the read fails."""
        result = self.ctl("get", "--key", key)
        if result.returncode != 0:
            raise AssertionError(f"get {key} on node {self.id}: {result.stderr}")
        record = json.loads(result.stdout)
        return None if record is None else bytes(record["data"])

    def put(self, key, value):
        """Whether the write was acknowledged."""
        return self.ctl("upsert", "--key", key, "--value", value).returncode == 0

    def leader_id(self):
        """The leader as this node knows it, or None."""
        found = re.search(r"^Leader: id=(\d+) ", self.ctl("status").stdout, re.MULTILINE)
        return int(found.group(1)) if found else None

    def export(self):
        result = self.ctl("export")
        if result.returncode != 0:
            raise AssertionError(result.stderr)
        return result.stdout


TEMPLATE = """
log_dir = "./_logs{id}"
admin_api_address = "127.0.0.1:{admin}"
grpc_api_address = "127.0.0.1:{grpc}"
grpc_api_advertise_host = "127.0.0.1"
[raft_config]
id = {id}
raft_dir = "./_meta{id}"
raft_api_port = {raft}
raft_listen_host = "127.0.0.1"
raft_advertise_host = "localhost"
"""


class ClusterTest(unittest.TestCase):
    """A directory of its own and processes that end with the test."""

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="metasrv-e2e-")
        self.nodes = []
        self.addCleanup(self.tear_down)

    def tear_down(self):
        for node in self.nodes:
            node.kill()
        failed = self._outcome.result.wasSuccessful() is False
        if failed:
            for node in self.nodes:
                print(f"--- node {node.id}\n{read(node.log)[-3000:] if os.path.exists(node.log) else 'no log'}")
        shutil.rmtree(self.directory, ignore_errors=True)

    def node(self, node_id, **options):
        node = Node(self.directory, node_id, **options)
        self.nodes.append(node)
        return node

    def path(self, name):
        return os.path.join(self.directory, name)

    def wait_for_leader(self, nodes, not_id=None):
        """Every node names the same leader; returns it."""

        def agreed():
            named = {node.leader_id() for node in nodes}
            return named.pop() if len(named) == 1 and None not in named and not_id not in named else None

        leader = wait_for("one leader that all nodes name", agreed)
        return next(node for node in self.nodes if node.id == leader)

    def expect_keys(self, node, expected):
        found = {key: data for key, (_, data) in keys_of(node.export()).items()}
        self.assertEqual(expected, {key: found.get(key) for key in expected})
