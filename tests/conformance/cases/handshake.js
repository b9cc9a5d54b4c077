'use strict';
// grpc-api.md §4: versions, users, tokens.

const assert = require('node:assert/strict');
const {test} = require('node:test');
const {Client, TOKEN, basicAuth, grpc} = require('../lib/client');
const {status} = grpc;

const CHECKED = { // §3: the calls that want a token, with a request that would succeed
  KvApi: {data: '{"UpsertKV":{"key":"token","seq":"Any","value":"Delete"}}'},
  KvReadV1: {data: '{"GetKV":{"key":"token"}}'},
  KvList: {prefix: 'token'},
  KvGetMany: [{key: 'token'}],
  Transaction: {},
  KvTransaction: {},
  MemberList: {},
};
const OPEN = {Export: {}, ExportV1: {}, SnapshotKeysLayout: {}, GetClusterStatus: {}, GetClientInfo: {}};

module.exports = (world) => {
  const handshake = (what) => world.client.handshake(what);
  const withToken = (name, token) => world.client.call(name, CHECKED[name] ?? OPEN[name], {metadata: {[TOKEN]: token}});

  test('4.1 the server reports version 260304.0.0', async () => {
    const {code, replies} = await handshake();
    assert.equal(code, status.OK);
    assert.equal(replies.length, 1);
    assert.equal(replies[0].protocol_version, '260304000000');
  });

  test('4.2 version 0 is admitted', async () => assert.equal((await handshake({version: 0})).code, status.OK));
  test('4.2 the oldest admitted version is 1.2.676', async () => {
    assert.equal((await handshake({version: 1002676})).code, status.OK);
  });
  test('4.2 a client newer than the server is admitted', async () => {
    assert.equal((await handshake({version: '990101000000'})).code, status.OK);
    assert.equal((await handshake({version: '18446744073709551615'})).code, status.OK);
  });
  for (const [version, text] of [[1002675, '1.2.675'], [1, '0.0.1'], [1001999, '1.1.999'], [999, '0.0.999']]) {
    test(`4.2 version ${text} is INVALID_ARGUMENT`, async () => {
      const {code, details, headers} = await handshake({version});
      assert.equal(code, status.INVALID_ARGUMENT);
      assert.equal(details, `meta-client protocol_version(${text}) < metasrv min-compatible(1.2.676)`);
      assert.equal(headers, undefined, 'Trailers-Only');
    });
  }

  test('4.2 no message before half-close is INTERNAL', async () => {
    const {code, details} = await world.client.call('Handshake', []);
    assert.deepEqual([code, details], [status.INTERNAL, 'Error request next is None']);
  });
  test('4.2 only the first message counts', async () => {
    const good = world.client.handshakeRequest();
    const {code, replies} = await world.client.call('Handshake', [good, {protocol_version: 1}, good]);
    assert.deepEqual([code, replies.length], [status.OK, 1]);
  });
  test('4.2 the answer comes although the client does not half-close', async () => {
    const running = world.client.begin('Handshake', undefined);
    running.call.write(world.client.handshakeRequest());
    const {code, replies} = await running.done;
    assert.deepEqual([code, replies.length], [status.OK, 1]);
  });
  test('4.2 the version is judged before the payload', async () => {
    const {code} = await handshake({version: 1, payload: Buffer.from([0xff])});
    assert.equal(code, status.INVALID_ARGUMENT);
  });
  test('4.2 a payload that is not a BasicAuth is INTERNAL', async () => {
    const {code, details} = await handshake({payload: Buffer.from([0x12, 0x7f, 0x61])});
    assert.equal(code, status.INTERNAL);
    assert.notEqual(details, '');
  });
  test('4.2 a user name that is not UTF-8 is INTERNAL', async () => {
    const {code} = await handshake({payload: Buffer.from([0x12, 0x01, 0xff])});
    assert.equal(code, status.INTERNAL);
  });
  test('4.2 an empty payload is an unknown user with an empty name', async () => {
    const {code, details} = await handshake({payload: Buffer.alloc(0)});
    assert.equal(code, status.UNAUTHENTICATED);
    // HTTP/2 libraries differ in what they do with a value that ends in a space.
    assert.ok(['Unknown user:', ''].includes(details.trim()), details);
  });
  test('4.2 a user other than root is UNAUTHENTICATED', async () => {
    const {code, details, headers} = await handshake({username: 'guest'});
    assert.deepEqual([code, details], [status.UNAUTHENTICATED, 'Unknown user: guest']);
    assert.equal(headers, undefined, 'Trailers-Only');
  });
  test('4.2 the password is not checked unless one is configured', async () => {
    assert.equal((await handshake({password: 'anything'})).code, status.OK);
  });
  test('4.2 the user is field 2 of BasicAuth, and other fields are ignored', async () => {
    const unused = Buffer.from([0x0a, 0x01, 0x78]);
    const {code} = await handshake({payload: Buffer.concat([unused, basicAuth('root', '')])});
    assert.equal(code, status.OK);
  });

  test('4.3 the token is text and works on any connection to this node', async () => {
    const {reply} = await handshake();
    assert.match(reply.payload.toString(), /^[\x21-\x7e]+$/);
    const other = new Client(world.node.address);
    const {code} = await other.call('MemberList', {}, {metadata: {[TOKEN]: reply.payload}});
    other.close();
    assert.equal(code, status.OK);
  });

  for (const name of Object.keys(CHECKED)) {
    test(`4.3 ${name} without a token is UNAUTHENTICATED`, async () => {
      const {code, details, headers, trailerHint} = await withToken(name, undefined);
      assert.deepEqual([code, details], [status.UNAUTHENTICATED, 'Error auth-token-bin is empty']);
      assert.equal(headers, undefined, 'Trailers-Only');
      assert.equal(trailerHint, undefined);
    });
    test(`4.3 ${name} with a broken token is UNAUTHENTICATED`, async () => {
      const {code, details} = await withToken(name, Buffer.from('no token'));
      assert.equal(code, status.UNAUTHENTICATED);
      assert.match(details, /^token verify failed: ./);
    });
    test(`4.3 ${name} with a token that is not UTF-8 is UNAUTHENTICATED`, async () => {
      const {code, details} = await withToken(name, Buffer.from([0xff, 0xfe]));
      assert.deepEqual([code, details], [status.UNAUTHENTICATED, 'Error auth-token-bin is empty']);
    });
    test(`4.3 ${name} goes by the first of several tokens`, async () => {
      const {token} = world.client;
      const wrong = Buffer.from('no token');
      assert.equal((await withToken(name, [wrong, token])).code, status.UNAUTHENTICATED);
      if (name === 'KvTransaction' && !world.leads) return;
      assert.equal((await withToken(name, [token, wrong])).code, status.OK);
    });
  }
  for (const name of Object.keys(OPEN)) {
    test(`4.3 ${name} needs no token and ignores a broken one`, async () => {
      assert.equal((await withToken(name, undefined)).code, status.OK);
      assert.equal((await withToken(name, Buffer.from('no token'))).code, status.OK);
    });
  }
};
