'use strict';
// grpc-api.md §1: ports, limits, response shape, metadata.

const assert = require('node:assert/strict');
const {after, before, test} = require('node:test');
const {Client, HINT, RaftService, TOKEN, connect, grpc} = require('../lib/client');
const {text} = require('../lib/protobuf');
const {Connection, frame, unframe} = require('../lib/raw');
const {status} = grpc;

const META = '/meta.MetaService/';
const EMPTY = Buffer.alloc(0);

module.exports = (world) => {
  let raw;
  let authorized; // the headers of a call that has a token
  before(() => {
    raw = new Connection(world.node.address);
    authorized = {[TOKEN]: world.client.token.toString('base64')};
  });
  after(() => raw.close());
  const call = (name, payload = EMPTY, headers = authorized) => raw.call(META + name, frame(payload), headers);

  // --- 1.1, 1.2

  test('1.1 the client port does not serve the peer API', async () => {
    const peer = new Client(world.node.address, {service: RaftService});
    const {code} = await peer.call('Forward', {data: '{}'});
    peer.close();
    assert.equal(code, status.UNIMPLEMENTED);
  });
  test('1.1 the peer port does not serve the client API', async () => {
    const client = new Client(world.node.raftAddress);
    const {code} = await client.call('GetClusterStatus');
    client.close();
    assert.equal(code, status.UNIMPLEMENTED);
  });
  for (const path of ['/meta.MetaService/Nothing', '/meta.Nothing/KvApi', '/KvApi', '/', '/meta.MetaService/kvapi']) {
    test(`1.5 the unknown method ${path} is UNIMPLEMENTED`, async () => {
      const answer = await raw.call(path);
      assert.equal(answer.status, status.UNIMPLEMENTED);
      assert.ok(answer.isTrailersOnly);
    });
  }

  test('1.2 a request over 32 MiB is refused with a code that is not retried', async () => {
    const {code} = await world.client.put('large', Buffer.alloc((32 << 20) + 1));
    assert.ok([status.OUT_OF_RANGE, status.RESOURCE_EXHAUSTED].includes(code), String(code));
  });
  for (const encoding of ['gzip', 'deflate']) {
    test(`1.2 a request with grpc-encoding ${encoding} is UNIMPLEMENTED`, async () => {
      const answer = await call('GetClusterStatus', EMPTY, {'grpc-encoding': encoding});
      assert.equal(answer.status, status.UNIMPLEMENTED);
    });
  }
  test('1.2 grpc-encoding identity is accepted', async () => {
    assert.equal((await call('GetClusterStatus', EMPTY, {'grpc-encoding': 'identity'})).status, status.OK);
  });
  test('1.2 no compression is offered or used, whatever the client accepts', async () => {
    const answer = await call('GetClusterStatus', EMPTY, {'grpc-accept-encoding': 'gzip,deflate,identity'});
    assert.equal(answer.status, status.OK);
    assert.ok([undefined, 'identity'].includes(answer.headers['grpc-encoding']));
    assert.ok([undefined, 'identity'].includes(answer.headers['grpc-accept-encoding']));
    assert.equal(answer.body[0], 0, 'the flag of a compressed message');
  });
  test('1.2 a message compressed by an unknown method is not understood', async () => {
    const zstd = Buffer.from('28b52ffd0400010000ffff', 'hex');
    const answer = await raw.call(`${META}GetClusterStatus`, frame(zstd, {compressed: 1}), {'grpc-encoding': 'zstd'});
    assert.ok([status.UNIMPLEMENTED, status.INTERNAL].includes(answer.status), answer.message);
  });
  test('1.2 many pings do not close a connection', async () => {
    const connection = new Connection(world.node.address);
    const ping = () => new Promise((resolve, reject) => {
      if (!connection.session.ping((error) => (error ? reject(error) : resolve()))) reject(new Error('not sent'));
    });
    await connection.remoteSettings;
    for (let i = 0; i < 50; ++i) await ping();
    const answer = await connection.call(`${META}GetClusterStatus`);
    connection.close();
    assert.equal(answer.status, status.OK);
  });
  test('1.2 a connection survives 4096 calls that are cancelled at once', async () => {
    const connection = new Connection(world.node.address, {maxOutstandingPings: 1});
    const ends = [];
    for (let i = 0; i < 4096; ++i) {
      const stream = connection.open(`${META}KvGetMany`, authorized);
      stream.cancel();
      ends.push(stream.done);
      if (i % 64 === 63) await Promise.all(ends.splice(0));
    }
    const answer = await connection.call(`${META}GetClusterStatus`);
    connection.close();
    assert.equal(answer.status, status.OK);
  });
  test('1.2 a connection takes hundreds of calls at a time', async () => {
    const running = Array.from({length: 300}, () => world.client.begin('KvGetMany', undefined));
    await Promise.all(running.map((each) => each.headers()));
    for (const each of running) each.call.end();
    for (const each of running) assert.equal((await each.done).code, status.OK);
  });
  test('1.2 many connections shake hands one after another', async () => {
    for (let i = 0; i < 50; ++i) (await connect(world.node.address)).close();
  });
  test('1.2 a grpc-timeout of another client is honoured', async () => {
    const stream = raw.open(`${META}KvGetMany`, {...authorized, 'grpc-timeout': '50m'});
    const answer = await stream.done;
    assert.ok(answer.status === status.DEADLINE_EXCEEDED || answer.reset !== 0, JSON.stringify(answer));
  });

  // --- 1.3

  test('1.3 R1 KvGetMany sends headers before it has any key', async () => {
    const stream = raw.open(`${META}KvGetMany`, authorized);
    const headers = await stream.headers;
    assert.equal(headers[':status'], 200);
    assert.equal(headers['grpc-status'], undefined);
    stream.write(frame(text(1, 'no such key')));
    stream.end();
    const answer = await stream.done;
    assert.deepEqual(unframe(answer.body), [text(1, 'no such key')]);
    assert.equal(answer.status, status.OK);
  });
  for (const [name, payload] of [['KvList', EMPTY], ['KvReadV1', text(1, '{"MGetKV":{"keys":[]}}')], ['Export', EMPTY],
    ['SnapshotKeysLayout', EMPTY]]) {
    test(`1.3 R1 ${name} sends headers also when nothing follows`, async () => {
      const answer = await call(name, payload);
      assert.equal(answer.status, status.OK);
      assert.equal(answer.isTrailersOnly, false);
    });
  }
  for (const name of ['KvApi', 'KvReadV1', 'KvList', 'KvGetMany', 'Transaction', 'KvTransaction', 'MemberList']) {
    test(`1.3 R2 ${name} refuses with a Trailers-Only response`, async () => {
      const answer = await call(name, EMPTY, {});
      assert.equal(answer.status, status.UNAUTHENTICATED);
      assert.ok(answer.isTrailersOnly);
      assert.equal(answer.headers[':status'], 200);
      assert.equal(answer.headers['content-type'], 'application/grpc');
    });
  }

  // --- 1.4

  test('1.4 the token is base64 with or without padding', async () => {
    const padded = world.client.token.toString('base64');
    for (const value of [padded, padded.replace(/=+$/, '')]) {
      assert.equal((await call('MemberList', EMPTY, {[TOKEN]: value})).status, status.OK);
    }
  });
  test('1.4 a token that is not base64 is no token', async () => {
    const connection = new Connection(world.node.address);
    const answer = await connection.call(`${META}MemberList`, frame(EMPTY), {[TOKEN]: '***'});
    connection.close();
    // gRPC gives such a connection up; both codes make clients connect and shake hands again.
    assert.ok([status.UNAUTHENTICATED, status.UNAVAILABLE].includes(answer.status), JSON.stringify(answer));
  });
  test('1.4 the first of several tokens in one header counts', async () => {
    const [good, bad] = [authorized[TOKEN], Buffer.from('no token').toString('base64')];
    assert.equal((await call('MemberList', EMPTY, {[TOKEN]: [good, bad]})).status, status.OK);
    assert.equal((await call('MemberList', EMPTY, {[TOKEN]: [bad, good]})).status, status.UNAUTHENTICATED);
  });
  test('1.4 query ids and trace contexts are accepted', async () => {
    const metadata = {QueryID: 'query-1', traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'};
    assert.equal((await world.client.put('traced', 'v', {metadata})).code, status.OK);
    assert.equal((await world.client.read({GetKV: {key: 'traced'}}, {metadata})).code, status.OK);
  });
  test('1.4 binary headers of other names are accepted', async () => {
    const metadata = {'something-bin': Buffer.from([0, 255, 44])};
    assert.equal((await world.client.put('traced', 'v', {metadata})).code, status.OK);
  });
  test('1.4 the hint of Transaction is in the headers if and only if it was forwarded', async () => {
    const {headerHint, trailerHint} = await world.client.put('hint', 'v');
    assert.equal(headerHint, world.leads ? undefined : world.leader.address);
    assert.equal(trailerHint, undefined);
  });
  test('1.4 KvApi forwards without a hint', async () => {
    const {code, headerHint, trailerHint} = await world.client.kvApi({key: 'hint', seq: 'Any', value: 'Delete'});
    assert.deepEqual([code, headerHint, trailerHint], [status.OK, undefined, undefined]);
  });
  for (const [name, request] of [['KvReadV1', {data: '{"GetKV":{"key":"hint"}}'}], ['KvList', {}], ['KvGetMany', []]]) {
    test(`1.4 ${name} is served where it arrives, so it carries no hint`, async () => {
      const {code, headerHint, trailerHint} = await world.client.call(name, request);
      assert.deepEqual([code, headerHint, trailerHint], [status.OK, undefined, undefined]);
    });
  }
  test('1.4 KvTransaction redirects with the hint in the trailers', async () => {
    const {code, details, headers, trailerHint} = await world.client.call('KvTransaction');
    if (world.leads) return assert.deepEqual([code, trailerHint], [status.OK, undefined]);
    assert.deepEqual([code, details], [status.UNAVAILABLE, 'not leader']);
    assert.deepEqual([headers, trailerHint], [undefined, world.leader.address]);
  });
  test('1.4 the redirect is a Trailers-Only response', async () => {
    const answer = await call('KvTransaction');
    assert.equal(answer.isTrailersOnly, !world.leads);
    assert.equal(answer.headers[HINT], world.leads ? undefined : world.leader.address);
  });
};
