'use strict';
// grpc-api.md §5.4 to §5.6 and §9: what is left of RaftService, on the peer port.

const assert = require('node:assert/strict');
const {after, before, test} = require('node:test');
const {Client, RaftService, grpc} = require('../lib/client');
const {readTable} = require('../lib/notation');
const {waitFor} = require('../lib/server');
const {status} = grpc;

const MALFORMED = ['', 'x', '{}', '7', '{"forward_to_leader":1}', '{"body":"Ping"}', '{"forward_to_leader":0,"body":"Pong"}',
  '{"forward_to_leader":0,"body":{"Drop":{}}}', '{"forward_to_leader":-1,"body":"Ping"}',
  '{"forward_to_leader":0,"body":{"Write":{"cmd":{"Nothing":{}}}}}', '{"forward_to_leader":0,"body":{"Leave":{"node_id":"x"}}}'];

const node = (name) => ({name, endpoint: {addr: 'nowhere', port: 1}, grpc_api_advertise_address: null});
// The examples use small ids; those of the cluster are taken.
const ID_OFFSET = 900;

module.exports = (world) => {
  let peer;
  before(() => { peer = new Client(world.node.raftAddress, {service: RaftService}); });
  after(() => peer.close());

  const forward = async (body, hops = 1) => {
    const {code, details, reply} = await peer.call('Forward', {data: JSON.stringify({forward_to_leader: hops, body})});
    assert.equal(code, status.OK, details);
    return reply;
  };
  const answered = async (body) => {
    const {data, error} = await forward(body);
    assert.equal(error, undefined);
    return JSON.parse(data);
  };
  const write = async (cmd) => (await answered({Write: {time_ms: Date.now(), cmd}})).AppliedState;
  const read = (body) => peer.call('KvReadV1', {data: JSON.stringify({forward_to_leader: 1, body})});

  before(() => world.client.transaction([{delete_by_prefix: {prefix: ''}}]));

  test('5.4 Ping is answered with Pong', async () => assert.equal(await answered('Ping'), 'Pong'));
  for (const data of MALFORMED) {
    test(`5.4 Forward of ${data || 'nothing'} is INVALID_ARGUMENT`, async () => {
      const {code, details} = await peer.call('Forward', {data});
      assert.equal(code, status.INVALID_ARGUMENT);
      assert.notEqual(details, '');
    });
    test(`9 KvReadV1 of ${data || 'nothing'} is INVALID_ARGUMENT`, async () => {
      assert.equal((await peer.call('KvReadV1', {data})).code, status.INVALID_ARGUMENT);
    });
  }
  test('5.4 Write of an UpsertKV gives the change', async () => {
    const {KV} = await write({UpsertKV: {key: 'peer', seq: 'Any', value: {Update: [118]}, value_meta: null}});
    assert.deepEqual([KV.ident, KV.prev, KV.result.data], [null, null, [118]]);
  });
  test('5.4 the leader puts its own time into a write', async () => {
    const {AppliedState: {KV}} = await answered({Write: {time_ms: 1, cmd: {UpsertKV: {key: 'peer', seq: 'Any', value: 'AsIs'}}}});
    assert.ok(KV.result.meta.proposed_at_ms > 1_600_000_000_000);
  });
  test('5.4 the three reads have their three shapes', async () => {
    assert.deepEqual((await answered({GetKV: {key: 'peer'}})).GetKV.data, [118]);
    assert.deepEqual(await answered({GetKV: {key: 'none'}}), {GetKV: null});
    const {MGetKV} = await answered({MGetKV: {keys: ['peer', 'none']}});
    assert.deepEqual([MGetKV[0].data, MGetKV[1]], [[118], null]);
    const {ListKV} = await answered({ListKV: {prefix: 'pe'}});
    assert.deepEqual([ListKV.length, ListKV[0][0], ListKV[0][1].data], [1, 'peer', [118]]);
  });
  test('5.4 a KvTransaction in a write answers with protobuf-shaped JSON', async () => {
    const put = {target: {key: 'peer', match_seq: null}, payload: {value: [119], expire_at_ms: null, ttl_ms: null}};
    const {KvTransactionReply: reply} = await write(
      {KvTransaction: {branches: [{predicate: {And: []}, operations: [{Put: put}, {Get: {key: 'peer'}}]}]}});
    assert.equal(reply.executed_branch, 0);
    const [{response: {Put}}, {response: {Get}}] = reply.responses;
    assert.deepEqual([Put.key, Put.prev_value.data, Put.current.data, Get.value.data], ['peer', [118], [119], [119]]);
    assert.deepEqual(Object.keys(Put.current.meta), ['expire_at', 'proposed_at_ms']);
    assert.equal(Put.current.meta.expire_at, null);
  });
  test('5.6 a write that may not hop is refused by a follower with an error', async () => {
    const {data, error} = await forward({Write: {cmd: {UpsertKV: {key: 'peer', seq: 'Any', value: 'AsIs'}}}}, 0);
    if (world.leads) return assert.notEqual(data, undefined);
    assert.equal(data, undefined);
    assert.equal(JSON.parse(error).CanNotForward.msg, 'max number of forward reached');
  });
  test('9 the leader refuses to remove itself', async () => {
    const {data, error} = await forward({Leave: {node_id: world.leader.id}});
    assert.equal(data, undefined);
    const {source, ...rest} = JSON.parse(error).DataError.ReadError;
    assert.deepEqual([rest.action, rest.msg, source.msg],
      ['leave', `can not leave id=${world.leader.id} via itself`, 'leave-via-self']);
  });
  test('9 joining again as a voter changes nothing', async () => {
    const endpoint = {addr: 'localhost', port: world.leader.raft};
    const reply = await answered({Join: {node_id: world.leader.id, endpoint, grpc_api_advertise_address: null, role: null}});
    assert.deepEqual(reply, {Join: null});
    assert.deepEqual((await world.client.call('MemberList')).reply.data, world.cluster.nodes.map(({address}) => address));
  });

  test('9 joining again from elsewhere, while the voter answers, is refused with its address', async () => {
    const endpoint = {addr: 'elsewhere', port: 1};
    const {data, error} = await forward({Join: {node_id: world.leader.id, endpoint, grpc_api_advertise_address: null, role: null}});
    assert.equal(data, undefined);
    const {action, msg} = JSON.parse(error).DataError.ReadError;
    assert.equal(action, 'join');
    assert.match(msg, new RegExp(`^node id ${world.leader.id} is already a voter at localhost:${world.leader.raft};`));
  });
  test('5.4 a learner joins and leaves again', async () => {
    const learner = ID_OFFSET + 50;
    const endpoint = {addr: 'nowhere', port: 1};
    const told = async () => (await world.leaderClient.call('GetClusterStatus')).reply.non_voters;
    const join = {Join: {node_id: learner, endpoint, grpc_api_advertise_address: 'nowhere:2', role: 'learner'}};
    assert.deepEqual(await answered(join), {Join: null});
    assert.deepEqual(await told(), [`id=${learner} raft=nowhere:1 grpc=nowhere:2`]);
    assert.deepEqual(await answered({Leave: {node_id: learner}}), {Leave: null});
    assert.equal(await told(), undefined);
  });
  test('9 leaving without being a member is no error', async () => {
    assert.deepEqual(await answered({Leave: {node_id: ID_OFFSET + 51}}), {Leave: null});
  });
  const OPS = [{Get: {key: 'log'}}, {Put: {key: 'log', value: [49], expire_at: null, ttl_ms: 3_600_000, match_seq: null}},
    {FetchIncreaseU64: {key: 'log', match_seq: null, delta: 1, max_value: 0}}, {Delete: {key: 'log', match_seq: null}},
    {PutSequential: {prefix: 'log/', sequence_key: 'log', value: [50], expires_at_ms: null, ttl_ms: null}},
    {DeleteByPrefix: {prefix: 'log'}}];
  const KV_OPS = [{Get: {key: 'log'}},
    {Put: {target: {key: 'log', match_seq: null}, payload: {value: [49], expire_at_ms: null, ttl_ms: 3_600_000}}},
    {FetchIncreaseU64: {target: {key: 'log', match_seq: null}, delta: 1, floor: 0}}, {Delete: {target: {key: 'log', match_seq: null}}},
    {PutSequential: {prefix: 'log/', sequence_key: 'log', payload: {value: [50], expire_at_ms: null, ttl_ms: null}}},
    {DeleteByPrefix: {prefix: 'log'}}];
  const isNothing = {key: 'log', expected: 0, target: {Seq: 0}};
  const WRITTEN = {
    'a Transaction by its condition': {Transaction: {condition: [isNothing], if_then: OPS.map((request) => ({request})), else_then: []}},
    'a Transaction by a branch': {Transaction: {operations: [{predicate: {operator: 1, sub_expressions: [], conditions: [isNothing]},
      operations: OPS.map((request) => ({request}))}], condition: [], if_then: [], else_then: []}},
    'a KvTransaction': {KvTransaction: {branches: [{predicate: {Or: [{Leaf: {key: 'log', target: {Seq: 0}, op: 'Eq'}}]},
      operations: KV_OPS}]}},
  };
  for (const [what, command] of Object.entries(WRITTEN)) {
    test(`5.5 ${what} in JSON takes every operation and answers each`, async () => {
      const {KvTransactionReply: {executed_branch, responses}} = await write(command);
      assert.equal(executed_branch, 0);
      const [get, put, fetch, erase, sequential, prefix] = responses.map(({response}) => response);
      assert.deepEqual(get, {Get: {key: 'log', value: null}});
      assert.deepEqual([put.Put.key, put.Put.prev_value, put.Put.current.data], ['log', null, [49]]);
      const {expire_at, proposed_at_ms} = put.Put.current.meta;
      assert.equal(expire_at - proposed_at_ms, 3_600_000);
      const {key, before_seq, before: old, after_seq, after: sum} = fetch.FetchIncreaseU64;
      assert.deepEqual([key, old, sum, before_seq, after_seq], ['log', 1, 2, put.Put.current.seq, put.Put.current.seq + 1]);
      assert.deepEqual([erase.Delete.key, erase.Delete.success, erase.Delete.prev_value.seq], ['log', true, after_seq]);
      assert.deepEqual([sequential.Put.key, sequential.Put.current.data], [`log/${'000_'.repeat(6)}000`, [50]]);
      assert.deepEqual(prefix, {DeleteByPrefix: {prefix: 'log', count: 2}});
    });
  }
  test('5.4 a Transaction in JSON is answered with the index of the branch that ran', async () => {
    const never = {key: 'log', expected: 0, target: {Seq: 99}};
    const branch = {predicate: {operator: 0, sub_expressions: [], conditions: [never]}, operations: []};
    const get = {request: {Get: {key: 'log'}}};
    for (const [condition, else_then, executed] of [[[], [], 2], [[never], [get], 3], [[never], [], null]]) {
      const {KvTransactionReply: reply} = await write({Transaction: {operations: [branch, branch], condition, if_then: [], else_then}});
      assert.deepEqual([reply.executed_branch, reply.responses.length], [executed, else_then.length]);
    }
  });
  test('1.2 a request over 32 MiB is refused with a code that is not retried', async () => {
    const {code} = await peer.call('Forward', {data: 'x'.repeat((32 << 20) + 1)});
    assert.ok([status.OUT_OF_RANGE, status.RESOURCE_EXHAUSTED].includes(code), String(code));
  });

  test('9 KvReadV1 on the peer port streams the wrapped read, without a token', async () => {
    const {code, replies} = await read({MGetKV: {keys: ['peer', 'none']}});
    assert.equal(code, status.OK);
    assert.deepEqual(replies.map(({key, value}) => [key, value?.data.toString()]), [['peer', 'w'], ['none', undefined]]);
  });
  test('9 KvReadV1 on the peer port knows nothing but reads', async () => {
    assert.equal((await read('Ping')).code, status.INVALID_ARGUMENT);
  });
  for (const name of ['AppendEntries', 'AppendV001', 'Vote', 'VoteV001', 'InstallSnapshotV003', 'InstallSnapshotV004', 'TransferLeader']) {
    test(`9 ${name} of Rust peers is not served`, async () => {
      assert.equal((await peer.call(name, RaftService[name].requestStream ? [] : {})).code, status.UNIMPLEMENTED);
    });
  }

  // kv-semantics 15 G, where records do not matter.
  for (const example of readTable('cluster.txt')) {
    const [, command, id, name, overriding] = /^T0: (AddNode|RemoveNode) (\d+)(?:=(\w+))?( overriding)?$/.exec(example.entry) ?? [];
    if (!command) continue;
    test(`15.${example.number} ${example.title}`, async () => {
      const node_id = ID_OFFSET + Number(id);
      const [, known] = /nodes \{\d+=(\w+)\}/.exec(example.before) ?? [];
      await write({RemoveNode: {node_id}});
      if (known) await write({AddNode: {node_id, node: node(known)}});
      const {Node} = await write(command === 'AddNode'
        ? {AddNode: {node_id, node: node(name), overriding: Boolean(overriding)}} : {RemoveNode: {node_id}});
      assert.equal(`prev ${Node.prev?.name ?? 'null'}, result ${Node.result?.name ?? 'null'}`, example.reply);
      await write({RemoveNode: {node_id}});
    });
  }
  test('15.135 A feature that is set sweeps what has expired.', async () => {
    await world.client.transaction([{put: {key: 'k', value: Buffer.from('v'), expire_at: Date.now() + 50}}]);
    await waitFor('k to expire', async () => !(await world.client.read({GetKV: {key: 'k'}})).reply.value);
    const watch = world.client.begin('Watch', {key: 'k'});
    await watch.headers();
    await write({SetFeature: {feature: 'dummy', enable: false}});
    const [{event}] = (await watch.replies(1)).replies;
    watch.call.cancel();
    assert.deepEqual([event.prev.data.toString(), event.current], ['v', undefined]);
  });
  for (const example of readTable('cluster.txt')) {
    const [, feature, enable] = /^T0: SetFeature (\w+) (true|false)$/.exec(example.entry) ?? [];
    if (!feature) continue;
    test(`15.${example.number} ${example.title}`, async () => {
      assert.equal(await write({SetFeature: {feature, enable: enable === 'true'}}), 'None');
      await write({SetFeature: {feature, enable: false}});
    });
  }
};
