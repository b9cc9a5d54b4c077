'use strict';
// grpc-api.md §10 and §11: what clients of each generation rely on.

const assert = require('node:assert/strict');
const {before, test} = require('node:test');
const {grpc} = require('../lib/client');
const {status} = grpc;

// An upsert as newer clients send it: `seq` is undefined for any, {Exact: n} or {GE: n}.
function asTransaction(key, seq, value) {
  const op = value === undefined ? {delete: {key}} : {put: {key, value: Buffer.from(value)}};
  if (!seq) return {if_then: [op]};
  const [expected, number] = 'GE' in seq ? ['GE', seq.GE] : ['EQ', seq.Exact];
  return {condition: [{key, seq: number, expected}], if_then: [op], else_then: [{get: {key}}]};
}

// The change as newer clients read it from the first response: [prev, current].
function changeOf(reply) {
  const [first] = reply.responses;
  const data = (record) => (record ? `${record.data}` : null);
  if (first.put) return [data(first.put.prev_value), data(first.put.current)];
  if (first.delete) {
    const {success = false, prev_value: prev} = first.delete;
    return [data(prev), success ? null : data(prev)];
  }
  return [data(first.get.value), data(first.get.value)];
}

module.exports = (world) => {
  const upsert = async (seq, value) => {
    const {code, details, reply} = await world.client.call('Transaction', asTransaction('compat', seq, value));
    assert.equal(code, status.OK, details);
    assert.equal(reply.responses.length, 1);
    return changeOf(reply);
  };
  before(() => world.client.transaction([{delete: {key: 'compat'}}]));

  test('10 the oldest admitted client shakes hands, writes with KvApi and reads with KvReadV1', async () => {
    assert.equal((await world.client.handshake({version: 1002676})).code, status.OK);
    const {reply} = await world.client.kvApi({key: 'old client', seq: {GE: 0}, value: {Update: [1]}, value_meta: null});
    assert.deepEqual(JSON.parse(reply.data).result.data, [1]);
    const {replies} = await world.client.read({MGetKV: {keys: ['old client']}});
    assert.deepEqual([...replies[0].value.data], [1]);
  });
  const steps = [
    ['an insert', {Exact: 0}, 'a', [null, 'a']], ['an insert that finds a record', {Exact: 0}, 'b', ['a', 'a']],
    ['an update', {GE: 1}, 'c', ['a', 'c']], ['any put', undefined, 'd', ['c', 'd']],
    ['a delete of another version', {Exact: 1}, undefined, ['d', 'd']], ['a delete', {GE: 1}, undefined, ['d', null]],
    ['a delete of nothing', undefined, undefined, [null, null]], ['an update of nothing', {GE: 1}, 'e', [null, null]],
  ];
  for (const [what, seq, value, expected] of steps) {
    test(`10 ${what} as a transaction`, async () => assert.deepEqual(await upsert(seq, value), expected));
  }
  test('11.10 the count of deleted keys is there, also when it is 0', async () => {
    const {reply} = await world.client.transaction([{delete_by_prefix: {prefix: 'no such/'}}]);
    assert.deepEqual(reply.responses, [{delete_by_prefix: {prefix: 'no such/'}}]);
  });
  test('11.12 the hint is an endpoint that clients were configured with', async () => {
    const {headerHint} = await world.client.put('compat', 'v');
    const endpoints = (await world.client.call('MemberList')).reply.data;
    assert.ok(headerHint === undefined || endpoints.includes(headerHint));
  });
};
