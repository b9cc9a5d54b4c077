"""Real processes that join, leave, learn, move and are given up, under a client's load."""

import itertools
import json
import threading
import unittest

from harness import ClusterTest, databend_meta, free_port, read, wait_for


def edit(node, old, new):
    """Replaces a part of the node's configuration file."""
    text = read(node.config)
    assert old in text
    with open(node.config, "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


class Load:
    """A client that writes one key after the other, at whichever node answers, and remembers what was acknowledged."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.acknowledged = {}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        for number in itertools.count():
            if self.done.is_set():
                return
            alive = [node for node in list(self.nodes) if node.process and node.process.poll() is None]
            key, value = f"load/{number}", str(number)
            if any(node.put(key, value) for node in alive):
                self.acknowledged[key] = value.encode()

    def wait_for_more(self, count=3):
        before = len(self.acknowledged)
        wait_for(f"{count} more acknowledged writes", lambda: len(self.acknowledged) >= before + count)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


class Members(ClusterTest):
    def single(self):
        return self.node(1, single=True).start().wait_started()

    def joiner(self, node_id, *via):
        return self.node(node_id, join=[f"localhost:{node.raft}" for node in via])

    def voters(self, node):
        return [int(member["name"]) for member in node.cluster_status().get("voters", [])]

    def expect_voters(self, nodes, *ids):
        for node in nodes:
            wait_for(f"node {node.id} to list the voters {ids}", lambda node=node: self.voters(node) == list(ids))

    def leave(self, node, via):
        """An operator's leave, repeated over an election; the leader cannot be removed, then the answer says so."""

        def left():
            result = databend_meta("--leave-id", str(node.id), "--leave-via", *(f"127.0.0.1:{other.raft}" for other in via))
            return result if result.returncode == 0 or "via itself" in result.stderr else None

        return wait_for(f"an answer to the leave of node {node.id}", left).returncode == 0

    def test_one_to_three_to_five_to_three_to_one_under_load_loses_no_acknowledged_write(self):
        first = self.single()
        serving = [first]
        with Load(serving) as load:
            load.wait_for_more()
            for ids in ((2, 3), (4, 5)):  # at once
                joined = [self.joiner(node_id, first).start() for node_id in ids]
                for node in joined:
                    node.wait_started()
                    self.assertNotIn("already undergoing a configuration change", node.output())
                serving.extend(joined)
                self.expect_voters(serving, *range(1, ids[-1] + 1))
                load.wait_for_more()
            while len(serving) > 1:
                for node in list(serving):
                    others = [other for other in serving if other is not node]
                    if others and self.leave(node, others):
                        break
                serving.remove(node)
                self.expect_voters(serving, *sorted(other.id for other in serving))
                self.assertEqual(0, node.stop())
                load.wait_for_more()
            last = serving[0]
        self.assertGreater(len(load.acknowledged), 20)
        self.expect_keys(last, load.acknowledged)

    def test_a_learner_stays_one_until_it_joins_without_the_flag_and_a_voter_stays_a_voter(self):
        first = self.single()
        learner = self.joiner(2, first).start("--learner").wait_started()
        self.assertTrue(first.put("k", "1"))
        wait_for("the learner to be listed", lambda: [m["name"] for m in first.cluster_status()["non_voters"]] == ["2"])
        wait_for("the learner to have the record", lambda: "\"k\"" in learner.export())
        self.assertEqual([1], self.voters(first))
        self.assertEqual(0, learner.stop())
        self.assertTrue(first.put("k", "2"))  # it is not needed for anything
        learner.start("--learner").wait_started()
        self.assertEqual([1], self.voters(first))
        self.assertEqual(0, learner.stop())
        learner.start().wait_started()
        self.expect_voters([first, learner], 1, 2)
        self.assertEqual(0, learner.stop())
        learner.start("--learner").wait_started()
        self.expect_voters([first, learner], 1, 2)

    def test_a_joiner_that_is_killed_again_and_again_joins_in_the_end(self):
        first = self.single()
        for number in range(20):
            self.assertTrue(first.put(f"k{number}", "v"))
        joiner = self.joiner(2, first)
        for mark in ("Raft API listen at", "for active leader", "Register this node"):
            joiner.start()
            wait_for(f"the joiner to print {mark}", lambda mark=mark: joiner.must_live() and mark in joiner.output())
            joiner.kill()
        joiner.start().wait_started()
        self.expect_voters([first, joiner], 1, 2)
        self.assertEqual(b"v", joiner.get("k19"))

    def test_a_node_that_nobody_can_reach_is_refused_and_the_cluster_stays_as_it_was(self):
        first = self.single()
        config = f"localhost:{first.raft}"
        lost = self.node(2, join=[config])
        edit(lost, 'raft_advertise_host = "localhost"', 'raft_advertise_host = "nowhere.invalid"')
        lost.start()
        self.assertEqual(1, lost.process.wait(timeout=60))
        self.assertIn("did not catch up in time", lost.output())
        self.assertEqual(([1], []), (self.voters(first), first.cluster_status()["non_voters"]))
        self.assertEqual(["1"], [member["name"] for member in first.members()])
        self.assertTrue(first.put("k", "v"))

    def test_mistakes_are_refused_with_the_reason(self):
        first = self.single()
        second = self.joiner(2, first).start().wait_started()
        self.joiner(4, first).start().wait_started()
        imposter = self.joiner(2, first)
        imposter.raft_dir = self.path("_other")
        edit(imposter, '"./_meta2"', '"./_other"')
        imposter.start()
        self.assertEqual(1, imposter.process.wait(timeout=60))
        self.assertIn(f"node id 2 is already a voter at localhost:{second.raft}", imposter.output())
        squatter = self.node(3, join=[f"localhost:{first.raft}"], raft_port=second.raft)
        self.assertEqual(0, second.stop())
        squatter.start()
        self.assertEqual(1, squatter.process.wait(timeout=60))
        self.assertIn(f"address localhost:{second.raft} is already used by node 2", squatter.output())

    def test_a_member_with_a_new_address_is_found_again_and_the_voters_stay(self):
        first = self.single()
        second = self.joiner(2, first).start().wait_started()
        third = self.joiner(3, first).start().wait_started()
        self.assertEqual(0, third.stop())
        moved = free_port()
        edit(third, f"raft_api_port = {third.raft}", f"raft_api_port = {moved}")
        third.start().wait_started()
        addresses = lambda node: {member["name"]: member["endpoint"]["port"] for member in node.members()}
        for node in (first, second, third):
            wait_for(f"node {node.id} to know the new address", lambda node=node: addresses(node).get("3") == moved)
        self.expect_voters([first, second, third], 1, 2, 3)
        self.assertTrue(third.put("k", "v"))

    def test_a_survivor_is_made_the_only_voter_on_request_and_only_then(self):
        first = self.single()
        others = [self.joiner(node_id, first).start().wait_started() for node_id in (2, 3)]
        self.expect_voters([first, *others], 1, 2, 3)
        self.assertTrue(first.put("k", "v"))
        survivor = self.wait_for_leader([first, *others])
        path = f"/v1/ctrl/force_single_voter?id={survivor.id}"
        status, body = survivor.http(path)
        self.assertEqual(409, status)
        self.assertIn("the quorum is not lost", body)
        for node in (first, *others):
            if node is not survivor:
                node.kill()
        for query in ("/v1/ctrl/force_single_voter", "/v1/ctrl/force_single_voter?id=77"):
            status, body = survivor.http(query)
            self.assertEqual(400, status)
            self.assertIn(f"confirm it with id={survivor.id}", body)
        wait_for("the quorum to count as lost", lambda: survivor.http(path) == (200, json.dumps({"single_voter": survivor.id}, separators=(",", ":"))))
        wait_for("the survivor to lead alone", lambda: self.voters(survivor) == [survivor.id] and survivor.cluster_status()["is_leader"])
        self.assertTrue(survivor.put("after", "w"))
        self.assertEqual(b"v", survivor.get("k"))
        wait_for("the others to be forgotten", lambda: [m["name"] for m in survivor.members()] == [str(survivor.id)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
