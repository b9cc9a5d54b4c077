'use strict';
// grpc-api.md §5: the JSON payloads of KvApi and KvReadV1.

const assert = require('node:assert/strict');
const {before, test} = require('node:test');
const {grpc} = require('../lib/client');
const {status} = grpc;

const MALFORMED = {
  'nothing': '',
  'no JSON': 'hello',
  'JSON that is cut short': '{"UpsertKV":{"key":"k"',
  'something behind the JSON': '{"GetKV":{"key":"k"}} x',
  'a number': '7',
  'null': 'null',
  'an empty object': '{}',
  'an unknown variant': '{"DropKV":{"key":"k"}}',
  'two variants': '{"GetKV":{"key":"k"},"ListKV":{"prefix":"k"}}',
  'a bare name of a variant with content': '"GetKV"',
  'a variant without its fields': '{"GetKV":{}}',
  'content of the wrong kind': '{"GetKV":[7]}',
  'a key of the wrong kind': '{"GetKV":{"key":7}}',
  'a lone surrogate': '{"GetKV":{"key":"\\ud800"}}',
  'a very deep nesting': '['.repeat(100_000),
};

const MALFORMED_UPSERTS = {
  'no key': {seq: 'Any', value: 'Delete'},
  'no seq': {key: 'k', value: 'Delete'},
  'no value': {key: 'k', seq: 'Any'},
  'an unknown seq': {key: 'k', seq: 'All', value: 'Delete'},
  'a negative seq': {key: 'k', seq: {Exact: -1}, value: 'Delete'},
  'a seq with a fraction': {key: 'k', seq: {Exact: 1.5}, value: 'Delete'},
  'two seqs': {key: 'k', seq: {Exact: 1, GE: 1}, value: 'Delete'},
  'an unknown operation': {key: 'k', seq: 'Any', value: 'Drop'},
  'a value that is text': {key: 'k', seq: 'Any', value: {Update: 'text'}},
  'a value over a byte': {key: 'k', seq: 'Any', value: {Update: [256]}},
  'a ttl of the wrong kind': {key: 'k', seq: 'Any', value: 'AsIs', value_meta: {ttl: 5}},
};

module.exports = (world) => {
  const kvApi = (data) => world.client.call('KvApi', {data});
  const upsert = async (fields) => {
    const {code, details, reply} = await world.client.kvApi({key: 'json', seq: 'Any', ...fields});
    assert.equal(code, status.OK, details);
    assert.equal(reply.error, undefined);
    return JSON.parse(reply.data);
  };
  before(() => world.client.transaction([{delete_by_prefix: {prefix: ''}}]));

  // --- 5.1, 5.2

  test('5.2 an insert answers with a change object of exactly the specified shape', async () => {
    const {reply} = await world.client.kvApi({key: 'json', seq: {Exact: 0}, value: {Update: [118]}, value_meta: null});
    const shape = /^\{"ident":null,"prev":null,"result":\{"seq":\d+,"meta":\{"proposed_at_ms":\d+\},"data":\[118\]\}\}$/;
    assert.match(reply.data, shape);
  });
  test('5.2 an update has both sides', async () => {
    const {prev, result} = await upsert({value: {Update: [0, 255]}});
    assert.deepEqual([prev.data, result.data], [[118], [0, 255]]);
    assert.ok(result.seq > prev.seq);
  });
  test('5.2 a seq that does not match leaves both sides alike', async () => {
    const {prev, result} = await upsert({seq: {Exact: 0}, value: {Update: [1]}});
    assert.deepEqual(prev, result);
    assert.deepEqual(prev.data, [0, 255]);
  });
  test('5.1 GE matches this seq and later ones', async () => {
    const {result} = await upsert({seq: {GE: 1}, value: {Update: [2]}});
    assert.deepEqual(result.data, [2]);
  });
  test('5.1 expire_at in seconds is kept as given', async () => {
    const expire_at = Math.floor(Date.now() / 1000) + 3600;
    const {result} = await upsert({value: {Update: [1]}, value_meta: {expire_at}});
    assert.deepEqual(Object.keys(result.meta), ['expire_at', 'proposed_at_ms']);
    assert.equal(result.meta.expire_at, expire_at);
  });
  test('5.1 a ttl in milliseconds is added to the time of the proposal', async () => {
    const {result} = await upsert({value: 'AsIs', value_meta: {expire_at: null, ttl: {millis: 3_600_000}}});
    assert.equal(result.meta.expire_at - result.meta.proposed_at_ms, 3_600_000);
  });
  test('5.1 a null expire_at is none', async () => {
    const {result} = await upsert({value: 'AsIs', value_meta: {expire_at: null}});
    assert.deepEqual(Object.keys(result.meta), ['proposed_at_ms']);
  });
  test('5.1 unknown members are ignored', async () => {
    const {code} = await kvApi('{"UpsertKV":{"future":[{}],"key":"json","seq":"Any","value":{"Update":[3]}}}');
    assert.equal(code, status.OK);
  });
  test('5.1 members may come in any order, with escapes and spaces', async () => {
    const upsert = '{"value":{"Update":[ 52 ]}, "value_meta":null, "seq":"Any", "k\\u0065y":"js\\u006fn"}';
    const {reply} = await kvApi(` { "UpsertKV" : ${upsert}} `);
    assert.deepEqual(JSON.parse(reply.data).result.data, [52]);
  });
  test('5.1 numbers do not go through doubles', async () => {
    const {code, reply} = await kvApi('{"UpsertKV":{"key":"json","seq":{"Exact":18446744073709551615},"value":"Delete"}}');
    assert.equal(code, status.OK);
    assert.deepEqual(JSON.parse(reply.data).result.data, [52]);
    assert.equal((await kvApi('{"UpsertKV":{"key":"json","seq":{"Exact":18446744073709551616},"value":"Delete"}}')).code,
      status.INTERNAL);
  });
  test('5.2 an insert that is expired already has no result', async () => {
    const {prev, result} = await upsert({value: {Update: [1]}, value_meta: {expire_at: 1}});
    assert.deepEqual([prev.data, result], [[52], null]);
  });
  test('5.2 a delete has no result', async () => {
    await upsert({value: {Update: [1]}});
    const {prev, result} = await upsert({value: 'Delete'});
    assert.deepEqual([prev.data, result], [[1], null]);
  });

  for (const request of ['{"GetKV":{"key":"k"}}', '{"MGetKV":{"keys":["k"]}}', '{"ListKV":{"prefix":"k"}}']) {
    test(`3.4 KvApi does not know ${request} any more`, async () => {
      const {code, details, headers} = await kvApi(request);
      assert.equal(code, status.INTERNAL);
      assert.match(details, /unknown variant/);
      assert.equal(headers, undefined);
    });
  }
  for (const [what, data] of Object.entries(MALFORMED)) {
    test(`1.5 KvApi with ${what} is INTERNAL`, async () => {
      const {code, details, headers} = await kvApi(data);
      assert.equal(code, status.INTERNAL);
      assert.notEqual(details, '');
      assert.equal(headers, undefined, 'Trailers-Only');
    });
    test(`5.3 KvReadV1 with ${what} is INVALID_ARGUMENT`, async () => {
      const {code, details, headers} = await world.client.call('KvReadV1', {data});
      assert.equal(code, status.INVALID_ARGUMENT);
      assert.notEqual(details, '');
      assert.equal(headers, undefined, 'Trailers-Only');
    });
  }
  for (const [what, fields] of Object.entries(MALFORMED_UPSERTS)) {
    test(`5.2 an UpsertKV with ${what} is INTERNAL`, async () => {
      const {code, details} = await world.client.kvApi(fields);
      assert.equal(code, status.INTERNAL);
      assert.notEqual(details, '');
    });
  }
  test('5.2 nothing of this wrote anything', async () => {
    assert.deepEqual((await world.client.read({ListKV: {prefix: ''}})).replies, []);
  });
};
