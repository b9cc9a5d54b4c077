'use strict';
// Members in other states than the usual ones: without a leader, stopping, learning, without an address for clients.

const assert = require('node:assert/strict');
const {after, before, describe, test} = require('node:test');
const {connect, grpc} = require('./lib/client');
const {Cluster, Node, waitFor} = require('./lib/server');
const {findLeader} = require('./lib/world');
const {status} = grpc;

const FORWARDED = {KvApi: {data: '{"UpsertKV":{"key":"k","seq":"Any","value":"Delete"}}'}, Transaction: {}};
const REDIRECTED = {KvTransaction: {}, KvList: {}, KvGetMany: [], KvReadV1: {data: '{"GetKV":{"key":"k"}}'}};

describe('without a leader', () => {
  let cluster;
  let client;
  const answers = {}; // each call waits for a leader, so all of them wait at the same time
  before(async () => {
    cluster = await Cluster.start(3);
    const leader = await waitFor('a leader', () => findLeader(cluster));
    const [survivor, other] = cluster.nodes.filter((node) => node !== leader);
    client = await connect(survivor.address);
    await client.put('kept', 'v');
    await Promise.all([leader.stop('SIGKILL'), other.stop('SIGKILL')]);
    cluster.nodes = [survivor];
    await waitFor('the loss to be noticed', async () => !(await client.call('GetClusterStatus')).reply.leader);
    for (const [name, request] of Object.entries({...FORWARDED, ...REDIRECTED})) answers[name] = client.call(name, request);
  });
  after(async () => {
    client?.close();
    await cluster?.stop();
  });

  for (const name of Object.keys(FORWARDED)) {
    test(`3.2 ${name} is INTERNAL after a while`, async () => {
      const {code, details} = await answers[name];
      assert.deepEqual([code, details],
        [status.INTERNAL, 'can not forward any more: need to forward but no known leader']);
    });
  }
  for (const name of Object.keys(REDIRECTED)) {
    test(`3.3 ${name} is "not leader" without a hint, Trailers-Only`, async () => {
      const {code, details, headers, trailerHint} = await answers[name];
      assert.deepEqual([code, details, headers, trailerHint], [status.UNAVAILABLE, 'not leader', undefined, undefined]);
    });
  }
  test('3 what is answered locally goes on', async () => {
    assert.equal((await client.call('MemberList')).reply.data.length, 3);
    assert.equal((await client.call('GetClientInfo')).code, status.OK);
    const {code, replies} = await client.call('Export');
    assert.equal(code, status.OK);
    assert.ok(replies.flatMap(({data}) => data).some((line) => line.includes('"kept"')));
  });
});

describe('when the leader goes', () => {
  let cluster;
  before(async () => { cluster = await Cluster.start(3); });
  after(() => cluster?.stop());

  test('3.2 clients of the others go on, and are told of the new leader', async () => {
    const leader = await waitFor('a leader', () => findLeader(cluster));
    cluster.nodes = cluster.nodes.filter((node) => node !== leader);
    const clients = await Promise.all(cluster.nodes.map((node) => connect(node.address)));
    const watches = clients.map((client) => client.begin('Watch', {key: 'after'}));
    await Promise.all(watches.map((watch) => watch.headers()));
    const {code} = await leader.stop();
    assert.equal(code, 0);
    for (const client of clients) {
      const written = await waitFor('a write', async () => {
        const result = await client.put('after', 'v');
        return result.code === status.OK && result;
      });
      assert.ok([undefined, ...cluster.nodes.map(({address}) => address)].includes(written.headerHint));
      const {code: redirected, trailerHint} = await client.call('KvTransaction');
      if (redirected !== status.OK) {
        assert.equal(redirected, status.UNAVAILABLE);
        assert.ok([undefined, ...cluster.nodes.map(({address}) => address)].includes(trailerHint));
      }
    }
    // 7.5: a change of the leader does not end a watch.
    for (const watch of watches) {
      const {replies} = await watch.replies(clients.length);
      assert.ok(replies.every(({event}) => `${event.current.data}` === 'v'));
      watch.call.cancel();
    }
    for (const client of clients) {
      const {replies} = await client.read({GetKV: {key: 'after'}});
      assert.equal(replies[0].value.data.toString(), 'v');
      client.close();
    }
  });
  test('1.5 a node that stops ends its streams with UNAVAILABLE', async () => {
    const [node] = cluster.nodes;
    const client = await connect(node.address);
    const stream = client.begin('KvGetMany', undefined);
    const watch = client.begin('Watch', {key: 'k'});
    await Promise.all([stream.headers(), watch.headers()]);
    await node.stop();
    assert.ok([status.UNAVAILABLE, status.CANCELLED].includes((await stream.done).code));
    const {code, details} = await watch.done;
    assert.equal(code, status.UNAVAILABLE);
    assert.match(details, /^MetaNodeStopped/);
    assert.equal((await client.call('GetClientInfo')).code, status.UNAVAILABLE);
    client.close();
    cluster.nodes = cluster.nodes.filter((each) => each !== node);
  });
});

describe('a learner', () => {
  let cluster;
  let learner;
  let client;
  before(async () => {
    cluster = await Cluster.start(1);
    const [voter] = cluster.nodes;
    learner = await Node.create(cluster.directory, 2, {join: [`localhost:${voter.raft}`], raftSettings: 'learner = true'});
    cluster.nodes.push(learner);
    await learner.start();
    client = await connect(learner.address);
  });
  after(async () => {
    client?.close();
    await cluster?.stop();
  });

  test('8.1 says so, and is told apart from voters', async () => {
    const {reply} = await client.call('GetClusterStatus');
    assert.deepEqual([reply.state, reply.voters.length, reply.non_voters.length], ['Learner', 1, 1]);
    assert.match(reply.non_voters[0], /^id=2 /);
  });
  test('8.2 is a member for MemberList', async () => {
    assert.deepEqual((await client.call('MemberList')).reply.data, cluster.nodes.map(({address}) => address));
  });
  test('3.2 forwards writes and serves reads', async () => {
    const {code, headerHint} = await client.put('learned', 'v');
    assert.deepEqual([code, headerHint], [status.OK, cluster.nodes[0].address]);
    assert.equal((await client.read({GetKV: {key: 'learned'}})).reply.value.data.toString(), 'v');
  });
  test('7.5 tells its watchers what it applies', async () => {
    const watch = client.begin('Watch', {key: 'learned', initial_flush: true});
    await watch.replies(2);
    await client.put('learned', 'w');
    const {replies} = await watch.replies(3);
    watch.call.cancel();
    assert.deepEqual(replies.map(({event}) => event && `${event.current.data}`), ['v', undefined, 'w']);
  });
});

for (const [what, options] of [['no address', {advertise: false}],
  ['an address that no client can parse', {advertise: false, settings: 'grpc_api_advertise_host = "[::1]"'}]]) {
  describe(`a leader with ${what} for clients`, () => {
    let cluster;
    before(async () => { cluster = await Cluster.start(2, options); });
    after(() => cluster?.stop());

    test('1.4 is not hinted at, neither on success nor on error', async () => {
      const leader = await waitFor('a leader', () => findLeader(cluster));
      const client = await connect(cluster.nodes.find((node) => node !== leader).address);
      const {code, details, headerHint} = await client.put('hint', 'v');
      assert.deepEqual([code, headerHint], [status.OK, undefined], details);
      const redirected = await client.call('KvTransaction');
      assert.deepEqual([redirected.code, redirected.details, redirected.trailerHint], [status.UNAVAILABLE, 'not leader', undefined]);
      client.close();
    });
  });
}

describe('a leader without an address for clients', () => {
  let cluster;
  before(async () => { cluster = await Cluster.start(1, {advertise: false}); });
  after(() => cluster?.stop());

  test('8.2 is an empty string for MemberList', async () => {
    const client = await connect(cluster.nodes[0].address);
    assert.deepEqual((await client.call('MemberList')).reply.data, ['']);
    assert.match((await client.call('GetClusterStatus')).reply.leader, / grpc=$/);
    client.close();
  });
});
