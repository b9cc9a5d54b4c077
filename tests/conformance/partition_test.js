'use strict';
// Clusters whose links break: leadership lost in the middle of a write, a leader that can not be reached, a state that comes as
// a snapshot under a watch.

const assert = require('node:assert/strict');
const {after, before, describe, test} = require('node:test');
const {connect, grpc} = require('./lib/client');
const {Cluster, adminGet, waitFor} = require('./lib/server');
const {findLeader} = require('./lib/world');
const {status} = grpc;

const QUICK = 'heartbeat_interval = 100';
const UNKNOWN = /^unknown outcome: the write may or may not take effect/;
const key = (name) => ({put: {key: name, value: Buffer.from('v')}});

// A cluster of three with links; `at.nodes` has the leader first, `at.clients` a client of each.
function threeNodes(raftSettings) {
  const at = {};
  before(async () => {
    at.cluster = await Cluster.start(3, {links: true, raftSettings});
    at.links = at.cluster.links;
    at.leader = await waitFor('a leader', () => findLeader(at.cluster));
    at.nodes = [at.leader, ...at.cluster.nodes.filter((node) => node !== at.leader)];
    at.clients = await Promise.all(at.nodes.map((node) => connect(node.address)));
  });
  after(async () => {
    for (const client of at.clients ?? []) client.close();
    await at.cluster?.stop();
  });
  return at;
}

const statusOf = async (client) => (await client.call('GetClusterStatus')).reply;
const valueOf = async (client, name) => (await client.read({GetKV: {key: name}})).reply?.value?.data.toString();

// The node that leads among those with these indexes, as {node, client, others}.
function leaderAmong(at, indexes = [0, 1, 2]) {
  return waitFor('a leader', async () => {
    for (const index of indexes) {
      if (!(await statusOf(at.clients[index])).is_leader) continue;
      return {node: at.nodes[index], client: at.clients[index], others: [0, 1, 2].filter((other) => other !== index)};
    }
    return undefined;
  });
}

// Writes until it is acknowledged: more than once when a leader goes meanwhile.
const mustPut = (client, name, value) => waitFor('a write', async () => (await client.put(name, value)).code === status.OK);

describe('leadership lost while a write is in flight', () => {
  const at = threeNodes(QUICK);

  test('3.3 KvTransaction is "not leader" with the hint once another leader has taken its place', async () => {
    const old = await leaderAmong(at);
    at.links.isolate(old.node);
    const writing = old.client.call('KvTransaction', {branches: [{operations: [key('lost')]}]});
    const next = await leaderAmong(at, old.others);
    await mustPut(next.client, 'won', 'v');
    at.links.mend();
    const {code, details, headers, trailerHint} = await writing;
    assert.deepEqual([code, headers], [status.UNAVAILABLE, undefined]);
    if (details === 'not leader') assert.ok(at.nodes.some(({address}) => address === trailerHint));
    // Unless the two seconds after which a client is told anyway were over first.
    else assert.match(details, UNKNOWN);
    assert.deepEqual([await valueOf(next.client, 'lost'), await valueOf(next.client, 'won')], [undefined, 'v']);
  });
  test('3.3 KvTransaction, Transaction and KvApi are UNAVAILABLE soon when nobody can say what became of them', async () => {
    const {node, client} = await leaderAmong(at);
    at.links.isolate(node);
    const writes = [client.call('KvTransaction', {branches: [{operations: [key('cut off')]}]}), client.put('cut off', 'v'),
      client.kvApi({key: 'cut off', seq: 'Any', value: {Update: [118]}})];
    for (const {code, details, headers, trailerHint} of await Promise.all(writes)) {
      assert.deepEqual([code, headers, trailerHint], [status.UNAVAILABLE, undefined, undefined]);
      assert.match(details, UNKNOWN);
    }
    at.links.mend();
  });
  test('3.3 a leader that was cut off answers no read before it has heard of the others again', async () => {
    const old = await leaderAmong(at);
    at.links.isolate(old.node);
    const reading = old.client.read({GetKV: {key: 'moved on'}});
    const next = await leaderAmong(at, old.others);
    await mustPut(next.client, 'moved on', 'v');
    const {code, reply} = await reading;
    if (code === status.OK) assert.equal(reply.value, undefined, 'asked before the write');
    else assert.equal(code, status.UNAVAILABLE);
    const stale = await old.client.read({GetKV: {key: 'moved on'}});
    assert.deepEqual([stale.code, stale.details, stale.headers], [status.UNAVAILABLE, 'not leader', undefined]);
    at.links.mend();
    await waitFor('the write to be read everywhere', async () => (await valueOf(old.client, 'moved on')) === 'v');
  });
});

describe('a leader that can not be reached', () => {
  const at = threeNodes('');
  // How often the follower could not connect to one of the others.
  const failures = async () => {
    const samples = (await adminGet(at.nodes[1], '/v1/metrics')).matchAll(/fail_connect_to_peer\{[^}]*\} (\d+)/g);
    return [...samples].reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const moreFailures = async () => {
    const known = await failures();
    await waitFor('another attempt to connect', async () => (await failures()) > known);
  };
  // The leader's messages still reach the follower, which therefore goes on believing in it.
  const breakTheWayToTheLeader = () => {
    at.links.breakThose((from) => from === at.nodes[1]);
    return moreFailures();
  };

  test('3.2 a forwarded write is tried again until the leader is there', async () => {
    await breakTheWayToTheLeader();
    const seq = async () => Number((await statusOf(at.clients[0])).last_seq ?? 0);
    const before = await seq();
    const writes = [at.clients[1].put('retried', 'v'), at.clients[1].kvApi({key: 'retried', seq: 'Any', value: {Update: [119]}})];
    await moreFailures();
    at.links.mend();
    const [{code, details, headerHint}, {code: second}] = await Promise.all(writes);
    assert.deepEqual([code, second], [status.OK, status.OK], details);
    assert.ok([at.nodes[0], at.nodes[2]].some(({address}) => address === headerHint));
    assert.equal(await seq(), before + 2, 'each was written once');
  });
  test('3.2 after twenty seconds it is INTERNAL with the text of the connection error', async () => {
    await breakTheWayToTheLeader();
    const start = Date.now();
    const {code, details, headers} = await at.clients[1].put('never', 'v');
    assert.deepEqual([code, headers], [status.INTERNAL, undefined]);
    assert.match(details, /^ConnectionError: node \d leads and can not be reached source: ./);
    assert.ok(Date.now() - start >= 15_000, 'it was tried for a while');
    at.links.mend();
    assert.equal(await valueOf(at.clients[0], 'never'), undefined);
  });
});

describe('a member that was cut off under a watch', () => {
  const at = threeNodes('snapshot_logs_since_last = 20\nmax_applied_log_to_keep = 50');
  let watch;
  const [FOLLOWER, OTHER] = [2, 1];
  let last = -1;
  const write = async (count) => {
    for (let i = 0; i < count; ++i) await mustPut(at.clients[OTHER], 'watched', `${++last}`);
  };
  const valuesOf = ({result}) => result.replies.filter(({event}) => event).map(({event}) => Number(event.current.data));
  const told = () => valuesOf(watch);
  // Writes may have been repeated, never left out.
  const isComplete = (values) => values.every((value, i) => i === 0 || value === values[i - 1] || value === values[i - 1] + 1);

  test('7.5 what came meanwhile is told without a gap when the log still has it', async () => {
    watch = at.clients[FOLLOWER].begin('Watch', {key: 'watched'}, {deadlineMs: 600_000});
    await watch.headers();
    await write(2);
    await watch.replies(2);
    at.links.isolate(at.nodes[FOLLOWER]);
    await write(3);
    at.links.mend();
    await watch.until(() => told().at(-1) === last);
    assert.equal(told()[0], 0);
    assert.ok(isComplete(told()), String(told()));
  });
  test('7.5 a state that came as a snapshot ends the stream with UNAVAILABLE, and nothing before it was left out', async () => {
    at.links.isolate(at.nodes[FOLLOWER]);
    const known = Number((await statusOf(at.clients[FOLLOWER])).last_log_index);
    await waitFor('the log behind the follower to be purged everywhere else', async () => {
      await write(20);
      const purged = await Promise.all([0, OTHER].map(async (index) => (await statusOf(at.clients[index])).purged));
      return purged.every((id) => Number(/\.(\d+)$/.exec(id ?? '.0')[1]) > known);
    });
    at.links.mend();
    const {code, details} = await watch.done;
    assert.equal(code, status.UNAVAILABLE);
    assert.match(details, /^this node was too far behind and got its state as a snapshot/);
    assert.ok(isComplete(told()), String(told()));
    // The entries behind the snapshot may still be on their way: then they are told after the flush.
    const again = at.clients[FOLLOWER].begin('Watch', {key: 'watched', initial_flush: true});
    await again.until(() => again.result.replies.length > 1 && valuesOf(again).at(-1) === last);
    again.call.cancel();
    assert.deepEqual(again.result.replies.map(({event}) => event === null || event === undefined).slice(0, 2), [false, true]);
    assert.ok(isComplete(valuesOf(again)), String(valuesOf(again)));
  });
});
