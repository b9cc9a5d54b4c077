"""Watch streams of running clusters, as `databend-metactl watch` prints them (grpc-api.md §7, metactl.md §4.4)."""

import os
import re
import signal
import subprocess
import tempfile
import unittest

from harness import BIN, TEMPLATE, PATIENCE_SECONDS, ClusterTest, wait_for

SMALL_BUFFERS = TEMPLATE.replace("[raft_config]", "[watch]\nbuffer_bytes = 500000\n[raft_config]")


class Watch:
    """A running `databend-metactl watch`, with what it has printed."""

    def __init__(self, node, prefix):
        self.out = tempfile.TemporaryFile("w+b")
        self.err = tempfile.TemporaryFile("w+b")
        arguments = [os.path.join(BIN, "databend-metactl"), "watch", "--grpc-api-address", node.grpc_address, "--prefix", prefix]
        self.process = subprocess.Popen(arguments, stdout=self.out, stderr=self.err, stdin=subprocess.DEVNULL)

    def lines(self):
        self.out.seek(0)
        return self.out.read().decode().splitlines()

    def errors(self):
        self.err.seek(0)
        return self.err.read().decode()

    def wait_for_lines(self, count):
        return wait_for(f"{count} lines of a watch", lambda: len(self.lines()) >= count and self.lines())

    def wait_for_end(self):
        return self.process.wait(timeout=PATIENCE_SECONDS)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.out.close()
        self.err.close()


def without_times(line):
    return re.sub(r"proposed=[-0-9T:.]+", "proposed=T", line).removeprefix("received-watch-event: ")


class WatchTest(ClusterTest):
    def watch(self, node, prefix):
        watch = Watch(node, prefix)
        self.addCleanup(watch.close)
        return watch

    def metric(self, node, name):
        found = re.search(rf"^{name} (\S+)$", node.http("/v1/metrics")[1], re.MULTILINE)
        return float(found.group(1)) if found else None

    def test_every_node_tells_its_watchers_what_changes_below_a_directory(self):
        first = self.node(1, single=True).start().wait_started()
        follower = self.node(2, join=[f"localhost:{first.raft}"]).start().wait_started()
        learner = self.node(3, join=[f"localhost:{first.raft}"], template=TEMPLATE + "learner = true\n").start().wait_started()
        self.assertTrue(first.put("app/a", "v1"))
        nodes = [first, follower, learner]
        for node in nodes:
            wait_for("the key on every node", lambda node=node: '"app/a"' in node.export())
        watches = [self.watch(node, "app/") for node in nodes]
        for watch in watches:
            watch.wait_for_lines(2)
        self.assertTrue(follower.put("application", "not below app/"))
        self.assertTrue(follower.put("app/b", "v2"))
        self.assertTrue(learner.put("app/b", "v3"))
        expected = ["INIT:(app/a: None -> (seq=1 [proposed=T] 'v1'))", "CHANGE:None",
                    "CHANGE:(app/b: None -> (seq=3 [proposed=T] 'v2'))",
                    "CHANGE:(app/b: (seq=3 [proposed=T] 'v2') -> (seq=4 [proposed=T] 'v3'))"]
        for watch in watches:
            self.assertEqual(expected, [without_times(line) for line in watch.wait_for_lines(4)])
        self.assertEqual(1, self.metric(follower, "metasrv_server_watchers"))

    def test_a_stopping_node_ends_its_watches_and_says_so(self):
        node = self.node(1, single=True).start().wait_started()
        watch = self.watch(node, "a")
        watch.wait_for_lines(1)
        self.assertEqual(0, node.stop())
        self.assertEqual(1, watch.wait_for_end())
        self.assertIn("MetaNodeStopped", watch.errors())

    def test_a_suspended_watcher_delays_nobody_and_learns_that_it_fell_behind(self):
        node = self.node(1, single=True, template=SMALL_BUFFERS).start().wait_started()
        suspended, awake = self.watch(node, "a"), self.watch(node, "a")
        for watch in (suspended, awake):
            watch.wait_for_lines(1)
        suspended.process.send_signal(signal.SIGSTOP)
        value = "x" * 100_000
        written = 0
        while self.metric(node, "metasrv_server_watches_ended_too_slow_total") == 0:
            self.assertTrue(node.put("a/k", value))
            written += 1
            awake.wait_for_lines(1 + written)
        suspended.process.send_signal(signal.SIGCONT)
        self.assertEqual(1, suspended.wait_for_end())
        self.assertIn("the watch fell behind", suspended.errors())
        self.assertTrue(node.put("a/k", "end"))
        self.assertIn("'end'", awake.wait_for_lines(2 + written)[-1])
        self.assertEqual(1, self.metric(node, "metasrv_server_watchers"))

    def test_a_client_that_vanishes_is_forgotten(self):
        node = self.node(1, single=True).start().wait_started()
        watch = self.watch(node, "a")
        watch.wait_for_lines(1)
        self.assertEqual(1, self.metric(node, "metasrv_server_watchers"))
        watch.process.kill()
        wait_for("the node to forget the watcher", lambda: self.metric(node, "metasrv_server_watchers") == 0)


if __name__ == "__main__":
    unittest.main()
