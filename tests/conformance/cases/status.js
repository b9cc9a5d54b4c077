'use strict';
// grpc-api.md §8: what a node tells about itself, the cluster, its keys and its backup.

const assert = require('node:assert/strict');
const {before, test} = require('node:test');
const {grpc} = require('../lib/client');
const {adminGet, waitFor} = require('../lib/server');
const {status} = grpc;

const LOG_ID = /^T\d+-N\d+\.\d+$/;

const LAYOUT_KEYS = [
  ...['a', 'b', 'c'].map((name) => `databases/1/tables/users/columns/${name}`),
  ...['a', 'b'].map((name) => `databases/1/tables/orders/columns/${name}`),
  ...['a', 'b'].map((name) => `databases/2/tables/products/columns/${name}`),
  'system/config/max_connections', 'system/stats/query_count',
];
const LAYOUTS = [ // depth, the whole stream
  [0, [' 9']],
  [1, ['databases 7', 'system 2', ' 9']],
  [2, ['databases/1 5', 'databases/2 2', 'databases 7', 'system/config 1', 'system/stats 1', 'system 2', ' 9']],
  [undefined, ['databases/1/tables/orders/columns 2', 'databases/1/tables/orders 2', 'databases/1/tables/users/columns 3',
    'databases/1/tables/users 3', 'databases/1/tables 5', 'databases/1 5', 'databases/2/tables/products/columns 2',
    'databases/2/tables/products 2', 'databases/2/tables 2', 'databases/2 2', 'databases 7', 'system/config 1',
    'system/stats 1', 'system 2', ' 9']],
];

module.exports = (world) => {
  const clusterStatus = async (client = world.client) => (await client.call('GetClusterStatus')).reply;
  const layout = async (depth) => {
    const {code, details, replies} = await world.client.call('SnapshotKeysLayout', depth === undefined ? {} : {depth});
    assert.equal(code, status.OK, details);
    return replies.map(({prefix = '', count = 0}) => `${prefix} ${count}`);
  };
  const write = (keys) => world.client.transaction(
    [{delete_by_prefix: {prefix: ''}}, ...keys.map((key) => ({put: {key, value: Buffer.from('v')}}))]);
  const nodeText = (node) => `id=${node.id} raft=localhost:${node.raft} grpc=${node.address}`;
  // A snapshot of everything written so far.
  const snapshot = async () => {
    const lastIndex = async () => Number((await clusterStatus()).last_applied.split('.')[1]);
    const wanted = await lastIndex();
    await adminGet(world.node, '/v1/ctrl/trigger_snapshot');
    await waitFor('a snapshot', async () => {
      const {snapshot_last_log_id: id} = await clusterStatus();
      return id && Number(id.split('.')[1]) >= wanted;
    });
  };

  // --- 8.1

  let told;
  before(async () => { told = await clusterStatus(); });
  test('8.1 id, versions and endpoint', () => {
    assert.deepEqual([Number(told.id), told.binary_version, told.data_version, told.endpoint],
      [world.node.id, '260304.0.0', 'V004', `localhost:${world.node.raft}`]);
  });
  test('8.1 state and leader', () => {
    assert.equal(told.state, world.leads ? 'Leader' : 'Follower');
    assert.equal(told.is_leader ?? false, world.leads);
    assert.equal(told.leader, nodeText(world.leader));
  });
  test('8.1 term and log', () => {
    assert.ok(Number(told.current_term) >= 1);
    assert.ok(Number(told.last_log_index) > 0);
    assert.match(told.last_applied, LOG_ID);
  });
  test('8.1 voters by ascending id, and no learners', () => {
    assert.deepEqual(told.voters, world.cluster.nodes.map(nodeText));
    assert.equal(told.non_voters, undefined);
  });
  test('8.1 only the leader tells how far its followers are', () => {
    const matched = Object.values(told.replication ?? {});
    assert.equal(matched.length, world.leads ? world.size : 0);
    for (const id of matched) assert.match(id, LOG_ID);
  });
  test('8.1 the size of the log is told twice', () => {
    assert.equal(told.raft_log_size, told.raft_log_status.wal_total_size);
    assert.ok(Number(told.raft_log_size) > 0);
  });
  test('8.1 the log is told by its parts', () => {
    const log = Object.fromEntries(Object.entries(told.raft_log_status).filter(([name]) => name !== 'wal_closed_chunk_sizes')
      .map(([name, number]) => [name, Number(number)]));
    const {cache_items, cache_used_size, wal_total_size, wal_open_chunk_size, wal_offset, wal_closed_chunk_total_size = 0} = log;
    assert.ok(cache_items > 0 && cache_used_size > 0 && wal_offset > 0, JSON.stringify(log));
    assert.equal(wal_total_size, wal_open_chunk_size + wal_closed_chunk_total_size);
    const chunks = Object.entries(told.raft_log_status.wal_closed_chunk_sizes ?? {});
    assert.equal(chunks.length, log.wal_closed_chunk_count ?? 0);
    for (const [name] of chunks) assert.match(name, /^ChunkId\(\d{2}(_\d{3}){6}\)$/);
  });
  test('8.1 last_seq follows writes', async () => {
    const {reply} = await world.client.put('status', 'v');
    const {seq} = reply.responses[0].put.current;
    await waitFor('the write to be applied', async () => (await clusterStatus()).last_seq === seq);
  });
  test('8.1 a snapshot is told with its last entry and number of keys', async () => {
    await write(['a', 'b']);
    await world.client.transaction([{put: {key: 'c', value: Buffer.from('v'), ttl_ms: 3_600_000}}]);
    await world.client.read({GetKV: {key: 'c'}}); // until this member has it
    await snapshot();
    const {snapshot_last_log_id: id, snapshot_key_count: count} = await clusterStatus();
    assert.match(id, LOG_ID);
    assert.equal(Number(count), 4, 'three keys and one entry of the expiry index');
  });

  // --- 8.2

  test('8.2 MemberList has the advertised address of every node, by ascending id', async () => {
    const {code, reply} = await world.client.call('MemberList', {data: 'ignored'});
    assert.equal(code, status.OK);
    assert.deepEqual(reply.data, world.cluster.nodes.map(({address}) => address));
  });

  // --- 8.3

  test('8.3 without a snapshot there is no item at all', async () => {
    const {snapshot_last_log_id: id} = await clusterStatus();
    assert.equal((await layout()).length > 0, id !== undefined);
  });
  for (const [depth, expected] of LAYOUTS) {
    test(`8.3 the layout of the example, depth ${depth ?? 'absent'}`, async () => {
      if (depth === 0) {
        await write(LAYOUT_KEYS);
        await waitFor('the keys', async () => (await world.client.read({GetKV: {key: LAYOUT_KEYS[0]}})).reply.value);
        await snapshot();
      }
      assert.deepEqual(await layout(depth), expected);
    });
  }
  test('8.3 keys without a slash count only in the total, a leading slash is a directory without a name', async () => {
    await write(['plain', '/rooted']);
    await waitFor('the keys', async () => (await world.client.read({GetKV: {key: 'plain'}})).reply.value);
    await snapshot();
    assert.deepEqual(await layout(), [' 1', ' 2']);
  });

  // --- 8.4

  test('8.4 the lines of an export are of the specified kinds and in their order', async () => {
    await write(['a', 'b']);
    await world.client.transaction([{put: {key: 'c', value: Buffer.from('v'), ttl_ms: 3_600_000}}]);
    await world.client.read({GetKV: {key: 'c'}}); // until this member has it
    const {code, details, replies} = await world.client.call('Export');
    assert.equal(code, status.OK, details);
    const lines = replies.flatMap(({data}) => data);
    const kinds = lines.map((line) => {
      const [tree, entry] = JSON.parse(line);
      const [kind] = Object.keys(entry);
      return `${tree} ${kind}${kind === 'StateMachineMeta' ? ` ${entry[kind].key}` : ''}`;
    });
    const sm = (kind) => `state_machine/0 ${kind}`;
    const order = ['header DataHeader', ...['NodeId', 'Vote', 'Committed', 'Purged', 'LogEntry'].map((kind) => `raft_log ${kind}`),
      sm('Sequences'), sm('StateMachineMeta LastApplied'), sm('StateMachineMeta LastMembership'), sm('Nodes'), sm('Expire'),
      sm('GenericKV')];
    const places = kinds.map((kind) => order.indexOf(kind));
    assert.deepEqual(places, [...places].sort((a, b) => a - b));
    assert.ok(!places.includes(-1), 'no other kind');
    assert.deepEqual(order.filter((kind) => !kinds.includes(kind)), [], 'every kind is there');
    assert.equal(lines[0], '["header",{"DataHeader":{"key":"header","value":{"version":"V004"}}}]');
    assert.equal(lines[1], `["raft_log",{"NodeId":${world.node.id}}]`);
    const logId = '\\{"leader_id":\\{"term":\\d+,"node_id":\\d+\\},"index":\\d+\\}';
    const shapes = {
      Vote: '\\{"leader_id":\\{"term":\\d+,"node_id":\\d+\\},"committed":true\\}', Committed: logId, Purged: `(null|${logId})`,
      Sequences: '\\{"key":"generic-kv","value":\\d+\\}',
      LogEntry: `\\{"log_id":${logId},"payload":("Blank"|\\{"Normal":\\{"time_ms":\\d+,"cmd":.*\\}|\\{"Membership":` +
        '\\{"configs":\\[(\\[[\\d,]+\\],?)+\\],"nodes":\\{("\\d+":\\{\\},?)+\\}\\}\\})\\}',
      Nodes: '\\{"key":\\d+,"value":\\{"name":"\\d+","endpoint":\\{"addr":"localhost","port":\\d+\\},' +
        '"grpc_api_advertise_address":"[^"]+"\\}\\}',
      StateMachineMeta: `\\{"key":"Last\\w+","value":\\{("LogId":${logId}|"Membership":\\{"log_id":${logId},"membership":.*\\})\\}\\}`,
      Expire: '\\{"key":\\{"time_ms":\\d+,"seq":\\d+\\},"value":\\{"seq":1,"key":"c"\\}\\}',
      GenericKV: '\\{"key":"\\w","value":\\{"seq":\\d+,"meta":\\{("expire_at":\\d+,)?"proposed_at_ms":\\d+\\},"data":\\[118\\]\\}\\}',
    };
    for (const line of lines.slice(2)) {
      const [, kind] = /^\["[^"]+",\{"(\w+)":/.exec(line);
      assert.match(line, new RegExp(`^\\["(raft_log|state_machine/0)",\\{"${kind}":${shapes[kind]}\\}\\]$`));
    }
    const entries = (kind) => lines.map((line) => JSON.parse(line)[1][kind]).filter(Boolean);
    assert.deepEqual(entries('GenericKV').map(({key}) => key), ['a', 'b', 'c']);
    assert.deepEqual(entries('Expire').map(({value}) => value), [{seq: 1, key: 'c'}]);
  });
};
