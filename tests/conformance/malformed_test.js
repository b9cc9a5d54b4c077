'use strict';
// Issues no client should have: whatever arrives is answered or dropped, and the server lives on with nothing left over.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const {after, before, describe, test} = require('node:test');
const {MetaService, TOKEN, connect, grpc} = require('./lib/client');
const {field, text, varintField} = require('./lib/protobuf');
const {Connection, frame, speak} = require('./lib/raw');
const {Cluster, adminGet, waitFor} = require('./lib/server');
const {status} = grpc;

const META = '/meta.MetaService/';
const CALLS = Object.keys(MetaService);
const EMPTY = Buffer.alloc(0);

// Repeats itself from run to run.
function noise(length, seed) {
  const bytes = Buffer.alloc(length);
  let state = seed * 2654435761 >>> 0 || 1;
  for (let i = 0; i < length; ++i) {
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    bytes[i] = state & 255;
  }
  return bytes;
}

function nested(depth) {
  let expression = field(3, text(1, 'leaf'));
  for (let i = 0; i < depth; ++i) expression = field(2, expression);
  return field(4, Buffer.concat([field(1, expression)]));
}

const BODIES = {
  'nothing at all': EMPTY,
  'half a frame header': Buffer.from([0, 0, 0]),
  'a frame that is cut short': frame(EMPTY, {length: 100}),
  'a frame of 4 GiB that does not come': frame(Buffer.from('x'), {length: 0xffffffff}),
  'a field that is cut short': frame(Buffer.from([0x0a, 0x7f, 0x61])),
  'text that is not UTF-8': frame(field(1, Buffer.from([0xff, 0xfe]))),
  'a field of an impossible kind': frame(Buffer.from([0x0f, 0x01])),
  'a group that is never closed': frame(Buffer.from([0x0b, 0x0b, 0x0b])),
  'an endless varint': frame(Buffer.alloc(64, 0xff)),
  'two messages': Buffer.concat([frame(text(1, 'a')), frame(text(1, 'b'))]),
  'a compressed flag without compression': frame(text(1, 'a'), {compressed: 1}),
  'an unknown flag': frame(text(1, 'a'), {compressed: 77}),
};

describe('malformed input', () => {
  let cluster;
  let node;
  let client;
  let headers;
  let descriptors;

  const openFiles = () => fs.readdirSync(`/proc/${node.process.pid}/fd`).length;
  const inFlight = async () => {
    const page = await adminGet(node, '/v1/metrics');
    return Number(/^metasrv_meta_network_req_inflights(?:_total)? (\d+)/m.exec(page)[1]);
  };
  const stillServes = async () => {
    const other = await connect(node.address);
    const {code} = await other.put('alive', 'v');
    other.close();
    assert.equal(code, status.OK);
  };

  before(async () => {
    cluster = await Cluster.start(1);
    [node] = cluster.nodes;
    client = await connect(node.address);
    headers = {[TOKEN]: client.token.toString('base64')};
    await client.put('listed', Buffer.alloc(1 << 20));
    descriptors = openFiles();
  });
  after(async () => {
    client?.close();
    await cluster?.stop();
  });

  // Calls that have nothing to wait for must end; the others are cancelled, and must end then.
  const ends = async (name, body) => {
    const connection = new Connection(node.address);
    const stream = connection.open(META + name, headers);
    stream.end(body);
    if (name === 'Watch') stream.headers.then(() => stream.cancel(), () => {});
    const answer = await stream.done;
    connection.close();
    return answer;
  };

  for (const name of CALLS) {
    for (const [what, body] of Object.entries(BODIES)) {
      test(`${name} with ${what} ends`, async () => {
        const {status: code, reset} = await ends(name, body);
        assert.ok(code !== undefined || reset !== 0, 'neither a status nor a reset');
      });
    }
    test(`${name} with noise ends`, async () => {
      for (let seed = 1; seed <= 20; ++seed) await ends(name, frame(noise(1 + seed * 7, seed)));
    });
  }
  for (const name of ['KvApi', 'KvReadV1', 'KvList', 'Transaction', 'KvTransaction', 'MemberList', 'Watch']) {
    test(`1.5 an undecodable ${name} is INTERNAL, and says so`, async () => {
      for (const what of ['a field that is cut short', 'a group that is never closed', 'an endless varint']) {
        const {status: code, message, isTrailersOnly} = await ends(name, BODIES[what]);
        assert.deepEqual([code, isTrailersOnly], [status.INTERNAL, true], what);
        assert.match(message, /is no valid \w+/);
      }
    });
  }

  test('a predicate of any depth is answered', async () => {
    for (const depth of [40, 60, 99, 101, 1000, 50_000]) {
      for (const name of ['Transaction', 'KvTransaction']) {
        const {status: code} = await ends(name, frame(nested(depth)));
        assert.ok(code !== undefined, `${name} ${depth}`);
      }
    }
  });
  test('a transaction of 200,000 operations is refused with a code that is not retried', async () => {
    const op = field(2, field(1, text(1, 'k')));
    const {status: code, message} = await ends('Transaction', frame(Buffer.concat(Array(200_000).fill(op))));
    assert.equal(code, status.INVALID_ARGUMENT);
    assert.match(message, /grpc_limits\.txn_operations_max/);
  });
  test('values at the edges of their types are answered', async () => {
    const most = (1n << 64n) - 1n;
    const put = Buffer.concat([text(1, 'edge'), text(2, 'v'), varintField(4, most), varintField(5, most), varintField(6, 0)]);
    const edge = frame(field(2, field(2, put)));
    const {status: code} = await ends('Transaction', edge);
    assert.equal(code, status.OK);
    for (const millis of ['18446744073709551615', '9223372036854775807', '18446744073709551616', '1e300', '-1']) {
      const value_meta = `{"expire_at":${millis},"ttl":{"millis":${millis}}}`;
      const data = `{"UpsertKV":{"key":"edge","seq":"Any","value":"AsIs","value_meta":${value_meta}}}`;
      assert.notEqual((await client.call('KvApi', {data})).code, undefined);
    }
    await ends('KvList', frame(varintField(2, most)));
    await ends('ExportV1', frame(varintField(10, most)));
    await ends('SnapshotKeysLayout', frame(varintField(1, most)));
    await client.transaction([{delete: {key: 'edge'}}]);
  });

  const HEADERS = {
    'another HTTP method': {':method': 'GET'},
    'another content type': {'content-type': 'text/plain'},
    'no te': {te: undefined},
    'an empty path': {':path': '/'},
    'a path that goes up': {':path': '/../../etc/passwd'},
    'a grpc-timeout that is none': {'grpc-timeout': 'soon'},
    'a long token': {[TOKEN]: Buffer.alloc(4000, 7).toString('base64')},
    'a token that is not base64': {[TOKEN]: '%%%'},
    'a request id that is too long': {'x-databend-meta-request-id': 'x'.repeat(3000)},
    'headers of 100 kB': {'x-large': 'y'.repeat(100_000)},
  };
  for (const [what, replaced] of Object.entries(HEADERS)) {
    test(`a call with ${what} ends`, async () => {
      const connection = new Connection(node.address);
      const answer = await connection.call(`${META}Transaction`, frame(EMPTY), {...headers, ...replaced});
      connection.close();
      assert.ok(answer.status !== undefined || answer.reset !== 0 || answer.headers?.[':status'] !== 200, JSON.stringify(answer));
    });
  }

  const hex = (text) => Buffer.from(text, 'hex');
  const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  const SPOKEN = {
    'HTTP/1.1': Buffer.from('GET /v1/health HTTP/1.1\r\nHost: x\r\n\r\n'),
    'a TLS hello': hex('160301020001000001fc0303'),
    'noise': noise(4096, 99),
    'noise behind the preface': Buffer.concat([PREFACE, noise(4096, 7)]),
    'half a preface': PREFACE.subarray(0, 10),
    'a frame of a size that is not allowed': Buffer.concat([PREFACE, hex('ffffff000000000001')]),
    'data for a stream that was never opened': Buffer.concat([PREFACE, hex('000000040000000000000001000000000170')]),
    'a window that overflows': Buffer.concat([PREFACE, hex(`000000040000000000${'0000040800000000007fffffff'.repeat(2)}`)]),
  };
  for (const [what, bytes] of Object.entries(SPOKEN)) {
    test(`a connection that speaks ${what} harms nobody`, async () => {
      await speak(node.address, bytes);
      await stillServes();
    });
  }

  test('clients that vanish in the middle of a call leave nothing behind', async () => {
    for (const name of CALLS) {
      for (const body of [EMPTY, Buffer.from([0, 0]), frame(text(1, 'l'))]) {
        const connection = new Connection(node.address);
        const stream = connection.open(META + name, headers);
        stream.done.catch(() => {});
        if (body.length > 0) stream.write(body);
        await connection.remoteSettings;
        connection.close();
      }
    }
    await stillServes();
  });
  test('clients that never read their answers, then vanish, leave nothing behind', async () => {
    for (let i = 0; i < 8; ++i) {
      const connection = new Connection(node.address, {settings: {initialWindowSize: 0}});
      for (const [name, body] of [['KvList', frame(EMPTY)], ['Export', frame(EMPTY)], ['Watch', frame(varintField(4, 1))]]) {
        const stream = connection.open(META + name, headers);
        stream.done.catch(() => {});
        stream.stream.pause();
        stream.end(body);
      }
      await connection.remoteSettings;
      await stillServes();
      connection.close();
    }
  });
  test('an endless stream of keys is answered as it comes and ends when its client goes', async () => {
    const running = client.begin('KvGetMany', undefined);
    await running.headers();
    for (let i = 1; i <= 2000; ++i) running.call.write({key: `endless ${i}`});
    await running.replies(2000);
    running.call.cancel();
    assert.equal((await running.done).code, status.CANCELLED);
  });
  test('an endless stream of keys whose answers are not read stops taking keys', async () => {
    const connection = new Connection(node.address, {settings: {initialWindowSize: 0}});
    const stream = connection.open(`${META}KvGetMany`, headers);
    stream.done.catch(() => {});
    await stream.headers;
    let written = 0;
    const key = frame(text(1, 'k'.repeat(10_000)));
    while (written < 10_000 && stream.stream.write(key)) ++written;
    assert.ok(written < 10_000, 'the server took everything');
    connection.close();
    await stillServes();
  });
  test('an endless handshake is answered once', async () => {
    const running = client.begin('Handshake', undefined);
    for (let i = 0; i < 100; ++i) running.call.write(client.handshakeRequest());
    const {code, replies} = await running.done;
    assert.deepEqual([code, replies.length], [status.OK, 1]);
  });

  test('after all of this no call and no connection is left', async () => {
    await waitFor('all calls to end', async () => (await inFlight()) === 0);
    await waitFor('all connections to end', () => openFiles() <= descriptors + 4);
    assert.ok(node.alive());
  });
});
