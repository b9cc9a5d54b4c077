"""Clusters of three nodes on this machine: ours and etcd's, for the benchmarks. Ends only what it started."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RELEASE = os.path.join(ROOT, "build", "release")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
os.environ.setdefault("METASRV_BIN", os.path.join(RELEASE, "src", "bin"))
import harness  # noqa: E402

CONNECTIONS = 4  # of the client, at most


def build_ours(binaries):
    """Builds what a benchmark of `binaries` runs, unless that is another build's."""
    targets = ["databend-metabench", "etcd-bench", "register-client", "list-client"]
    if os.path.realpath(binaries) == os.path.join(RELEASE, "src", "bin"):
        targets += ["databend-meta", "databend-metactl"]
    subprocess.run([os.path.join(ROOT, "scripts", "build"), "release", *targets], check=True, stdout=subprocess.DEVNULL)


class Ours:
    """databend-meta processes from `binaries`, three of them unless told otherwise, with default settings."""

    client = [os.path.join(RELEASE, "src", "bin", "databend-metabench")]

    def __init__(self, directory, binaries, extra="", count=3):
        self.nodes = []
        self.count = count
        self.directory = directory
        self.binaries = binaries
        self.template = harness.TEMPLATE + extra

    def start(self):
        harness.BIN = self.binaries
        first = self.add(1, single=True).start().wait_started()
        self.nodes[0].set_join([])
        for number in range(2, self.count + 1):
            self.add(number, join=[f"localhost:{first.raft}"]).start().wait_started()
        return self

    def add(self, number, **options):
        node = BenchNode(self.directory, number, template=self.template, **options)
        self.nodes.append(node)
        return node

    def leader(self):
        def named():
            return next((node for node in self.nodes if node.leader_id() == node.id), None)

        return harness.wait_for("a leader", named)

    def leader_address(self):
        return self.leader().grpc_address

    def addresses(self):
        return [node.grpc_address for node in self.nodes]

    def pids(self):
        return [node.process.pid for node in self.nodes]

    def stop(self):
        for node in self.nodes:
            node.kill()


class BenchNode(harness.Node):
    """A node that can be told not to found or join a cluster when it starts again."""

    def set_join(self, join):
        text = harness.read(self.config)
        lines = [line for line in text.splitlines() if not line.startswith(("single =", "join ="))]
        if join:
            lines.append(f"join = {json.dumps(list(join))}")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


class Etcd:
    """Three etcd processes with default settings, but for a larger quota."""

    client = [os.path.join(RELEASE, "bench", "etcd-bench")]

    def __init__(self, directory):
        self.directory = directory
        self.processes = []
        self.client_ports = [harness.free_port() for _ in range(3)]
        self.peer_ports = [harness.free_port() for _ in range(3)]

    def start(self):
        members = ",".join(f"n{i}=http://127.0.0.1:{port}" for i, port in enumerate(self.peer_ports))
        for i in range(3):
            client, peer = f"http://127.0.0.1:{self.client_ports[i]}", f"http://127.0.0.1:{self.peer_ports[i]}"
            with open(os.path.join(self.directory, f"etcd{i}.log"), "wb") as log:
                self.processes.append(subprocess.Popen(
                    ["etcd", "--name", f"n{i}", "--data-dir", os.path.join(self.directory, f"etcd{i}"),
                     "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
                     "--initial-advertise-peer-urls", peer, "--initial-cluster", members, "--initial-cluster-state", "new",
                     "--logger", "zap", "--log-level", "error", "--quota-backend-bytes", str(8 << 30)],
                    stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL))
        self.leader_address()
        return self

    def leads(self, port):
        with contextlib.suppress(OSError):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2) as answer:
                return b"\netcd_server_is_leader 1" in answer.read()
        return False

    def leader_address(self):
        port = harness.wait_for("etcd's leader", lambda: next((p for p in self.client_ports if self.leads(p)), None))
        return f"127.0.0.1:{port}"

    def addresses(self):
        return [f"127.0.0.1:{port}" for port in self.client_ports]

    def pids(self):
        return [process.pid for process in self.processes]

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def running(kind, keep=False, nodes=3):
    """A cluster of `kind`: "etcd", or the directory of a build's programs; ours has `nodes`. Its data goes with it."""
    os.makedirs(os.path.join(ROOT, "build", "bench"), exist_ok=True)
    directory = tempfile.mkdtemp(prefix="data-", dir=os.path.join(ROOT, "build", "bench"))
    side = Etcd(directory) if kind == "etcd" else Ours(directory, kind, count=nodes)
    try:
        yield side.start()
    finally:
        side.stop()
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)


def load(side, rpc, clients, seconds=None, warm_up=1, keys=100_000, number=1_000_000_000, all_nodes=False):
    """One run of the load generator against the leader, or all nodes; its JSON as a dictionary."""
    address = ",".join(side.addresses()) if all_nodes else side.leader_address()
    connections = len(side.addresses()) if all_nodes else CONNECTIONS
    command = side.client + ["--json", "--rpc", rpc, "--client", str(clients), "--client-pool-size", str(connections),
                             "--grpc-api-address", address, "--key-count", str(keys), "--number", str(number)]
    if seconds:
        command += ["--run-secs", str(seconds), "--warmup-secs", str(warm_up)]
    for pid in side.pids():
        command += ["--pid", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}: {done.stderr}{done.stdout}")
    result = json.loads(done.stdout)
    if result["error"] > 0:
        print(f"note: {result['error']} operations failed: {result['first_error']}", file=sys.stderr)
    return result
