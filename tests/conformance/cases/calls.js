'use strict';
// grpc-api.md §3 and §6: routing, order of checks, reads.

const assert = require('node:assert/strict');
const {before, test} = require('node:test');
const {TOKEN, grpc} = require('../lib/client');
const {text} = require('../lib/protobuf');
const {waitFor} = require('../lib/server');
const {status} = grpc;

const keys = (result) => result.replies.map(({key}) => key);
const shown = ({replies}) => replies.map(({key, value}) => (value ? `${key}=${value.data ?? ''}` : key));

module.exports = (world) => {
  const {read, list, getMany, put, erase} = helpers(world);
  before(() => erase(''));

  // --- 3.1

  test('3.1 a bad token beats malformed JSON', async () => {
    for (const name of ['KvApi', 'KvReadV1']) {
      const {code} = await world.client.call(name, {data: '{'}, {metadata: {[TOKEN]: Buffer.from('no token')}});
      assert.equal(code, status.UNAUTHENTICATED);
    }
  });
  test('3.1 a bad token beats an undecodable request', async () => {
    const options = {rawRequest: true, metadata: {[TOKEN]: Buffer.from('no token')}};
    const {code} = await world.client.call('Transaction', Buffer.from([0x0a, 0x7f]), options);
    assert.equal(code, status.UNAUTHENTICATED);
  });
  test('3.1 a bad token beats "not leader"', async () => {
    const {code} = await world.client.call('KvTransaction', {}, {metadata: {[TOKEN]: Buffer.from('no token')}});
    assert.equal(code, status.UNAUTHENTICATED);
  });

  // --- 3.2, 3.3

  test('3.2 KvApi and Transaction work on every member', async () => {
    const {code, reply} = await world.client.kvApi({key: 'route', seq: 'Any', value: {Update: [118]}});
    assert.equal(code, status.OK);
    assert.deepEqual(JSON.parse(reply.data).result.data, [118]);
    assert.deepEqual(shown(await read({GetKV: {key: 'route'}})), ['route=v']);
    assert.equal((await put('route', 'w')).code, status.OK);
    assert.deepEqual(shown(await read({GetKV: {key: 'route'}})), ['route=w']);
  });
  test('3.2 what one member acknowledged is read on every other', async () => {
    await put('linear', 'first');
    for (let i = 0; i < 20; ++i) {
      await world.leaderClient.put('linear', `${i}`);
      assert.deepEqual(shown(await read({GetKV: {key: 'linear'}})), [`linear=${i}`]);
    }
  });
  test('3.3 KvTransaction runs on the leader only', async () => {
    const {code, details, reply} = await world.client.call('KvTransaction', {branches: [{}]});
    if (world.leads) return assert.deepEqual([code, reply.executed_branch], [status.OK, 0]);
    assert.deepEqual([code, details], [status.UNAVAILABLE, 'not leader']);
  });

  // --- 3.4

  test('3.4 a failed condition is data, not an error', async () => {
    const {code, reply} = await world.client.call('Transaction', {condition: [{key: 'never', seq: 99}]});
    assert.deepEqual([code, reply.success ?? false, reply.execution_path], [status.OK, false, 'else']);
  });
  test('3.4 the path names the index of the branch', async () => {
    const never = {predicate: {conditions: [{key: 'never', seq: 99}]}};
    const {reply} = await world.client.call('Transaction', {operations: [never, never, {operations: [{get: {key: 'a'}}]}]});
    assert.equal(reply.execution_path, 'operation:2');
    assert.deepEqual(reply.responses, [{get: {key: 'a'}}]);
  });
  test('15.123 3.4 the limit of KvList counts what is visible', async () => {
    const soon = Date.now() + 100;
    await world.client.transaction([{put: {key: 'limit/1', value: Buffer.from('1'), expire_at: soon}},
      {put: {key: 'limit/2', value: Buffer.from('2')}}, {put: {key: 'limit/3', value: Buffer.from('3')}}]);
    await waitFor('limit/1 to expire', async () => !(await read({GetKV: {key: 'limit/1'}})).reply.value);
    assert.deepEqual(shown(await list('limit/', 1)), ['limit/2=2']);
  });
  test('3.4 KvGetMany answers each key when it comes', async () => {
    await put('many', 'v');
    const running = world.client.begin('KvGetMany', undefined);
    await running.headers();
    for (const [count, key] of [[1, 'many'], [2, 'none'], [3, 'many']]) {
      running.call.write({key});
      await running.replies(count);
    }
    running.call.end();
    assert.deepEqual(shown(await running.done), ['many=v', 'none', 'many=v']);
  });
  test('3.4 an error on the stream of requests is INTERNAL on the stream of answers, which ends', async () => {
    const broken = Buffer.from([0x0a, 0x02, 0xff, 0xfe]);
    const requests = [text(1, 'many'), broken, text(1, 'many')];
    const {code, details, replies} = await world.client.call('KvGetMany', requests, {rawRequest: true});
    assert.equal(code, status.INTERNAL);
    assert.notEqual(details, '');
    assert.equal(replies.length, 1);
  });
  test('3.4 ExportV1 with chunk size 0 uses the default', async () => {
    const {code, replies} = await world.client.call('ExportV1', {chunk_size: 0});
    assert.equal(code, status.OK);
    assert.ok(replies.every(({data}) => data.length <= 32));
  });
  test('3.4 ExportV1 sends chunks of the given size, and the same lines as Export', async () => {
    const one = await world.client.call('ExportV1', {chunk_size: 1});
    assert.ok(one.replies.every(({data}) => data.length === 1));
    const lines = ({replies}) => replies.flatMap(({data}) => data).join('\n');
    // A follower may learn of commits between the two.
    await waitFor('both to tell the same', async () => lines(await world.client.call('ExportV1', {chunk_size: 1}))
      === lines(await world.client.call('Export')));
  });
  test('3.4 Export sends chunks of 32 lines', async () => {
    for (let i = 0; i < 70; ++i) await put(`export/${i}`, 'v');
    const {replies} = await world.client.call('Export');
    assert.ok(replies.length > 2);
    assert.ok(replies.slice(0, -1).every(({data}) => data.length === 32));
    await erase('export/');
  });
  test('3.4 GetClientInfo tells the address it sees and the time', async () => {
    const start = Date.now();
    const {code, reply} = await world.client.call('GetClientInfo');
    assert.equal(code, status.OK);
    assert.match(reply.client_addr, /^127\.0\.0\.1:\d+$/);
    assert.ok(Number(reply.server_time) >= start - 1 && Number(reply.server_time) <= Date.now() + 1);
  });

  // --- 6 and kv-semantics 15 F

  const X = 'a=x';
  test('15.109 6 GetKV answers with one item', async () => {
    await put('a', 'x');
    assert.deepEqual(shown(await read({GetKV: {key: 'a'}})), [X]);
  });
  test('15.110 6 GetKV of a missing key is an item without a value', async () => {
    assert.deepEqual(shown(await read({GetKV: {key: 'b'}})), ['b']);
  });
  test('15.111 6 MGetKV answers in the order of the request, duplicates again', async () => {
    assert.deepEqual(shown(await read({MGetKV: {keys: ['a', 'b', 'a']}})), [X, 'b', X]);
  });
  test('15.112 6 MGetKV of nothing is an empty stream', async () => {
    const {code, replies} = await read({MGetKV: {keys: []}});
    assert.deepEqual([code, replies], [status.OK, []]);
  });
  const LISTED = ['B', 'a', 'p', 'p/10', 'p/2', 'pq', 'é'];
  test('15.113 6 ListKV is in byte order', async () => {
    await erase('');
    for (const key of [...LISTED].reverse()) await put(key, '');
    assert.deepEqual(keys(await read({ListKV: {prefix: ''}})), LISTED);
    assert.deepEqual(keys(await list('')), LISTED);
  });
  test('15.114 6 a key equal to the prefix is listed', async () => {
    assert.deepEqual(keys(await read({ListKV: {prefix: 'p'}})), ['p', 'p/10', 'p/2', 'pq']);
  });
  test('15.115 6 a prefix is plain text', async () => {
    assert.deepEqual(keys(await read({ListKV: {prefix: 'p/'}})), ['p/10', 'p/2']);
  });
  for (const [row, limit, expected] of [[116, 2, ['p', 'p/10']], [117, 0, []], [118, 100, ['p', 'p/10', 'p/2', 'pq']]]) {
    test(`15.${row} 6 KvList with limit ${limit}`, async () => {
      const result = await list('p', limit);
      assert.deepEqual([result.code, keys(result)], [status.OK, expected]);
    });
  }
  test('15.120 15.121 6 an expired record is hidden before anything is written, and stays hidden', async () => {
    await world.client.transaction([{put: {key: 'k', value: Buffer.from('v'), expire_at: Date.now() + 50}}]);
    await waitFor('k to expire', async () => !(await read({GetKV: {key: 'k'}})).reply.value);
    assert.ok(!keys(await read({ListKV: {prefix: 'k'}})).includes('k'));
    assert.deepEqual(shown(await read({MGetKV: {keys: ['k', 'none']}})), ['k', 'none']);
    const {reply} = await world.client.transaction([{get: {key: 'k'}}]);
    assert.deepEqual(reply.responses, [{get: {key: 'k'}}]);
  });
  test('15.124 6 KvGetMany answers from the view that it began with', async () => {
    await put('a', 'x');
    const running = world.client.begin('KvGetMany', undefined);
    await running.headers();
    await put('a', 'y');
    running.call.write({key: 'a'});
    running.call.end();
    assert.deepEqual(shown(await running.done), [X]);
  });
  test('15.125 6 KvGetMany without any key is an empty stream', async () => {
    const {code, replies} = await getMany([]);
    assert.deepEqual([code, replies], [status.OK, []]);
  });
  test('6 all items of a list come from one moment', async () => {
    const ops = Array.from({length: 500}, (_, i) => ({put: {key: `moment/${i}`, value: Buffer.from('0')}}));
    await world.client.transaction(ops);
    const writes = (async () => {
      for (let round = 1; round < 8; ++round) {
        await world.leaderClient.transaction(ops.map(({put: {key}}) => ({put: {key, value: Buffer.from(`${round}`)}})));
      }
    })();
    for (let i = 0; i < 8; ++i) {
      const {replies} = await list('moment/');
      assert.equal(replies.length, 500);
      assert.equal(new Set(replies.map(({value}) => value.data.toString())).size, 1);
    }
    await writes;
    await erase('moment/');
  });
};

function helpers(world) {
  return {
    read: (request) => world.client.read(request),
    list: (prefix, limit) => world.client.call('KvList', limit === undefined ? {prefix} : {prefix, limit}),
    getMany: (names) => world.client.call('KvGetMany', names.map((key) => ({key}))),
    put: (key, value) => world.client.put(key, value),
    erase: (prefix) => world.client.transaction([{delete_by_prefix: {prefix}}]),
  };
}
