'use strict';
// grpc-api.md §2 and §3: the .proto files hold exactly the specified messages, numbers and calls; what is special on the wire.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const {test} = require('node:test');
const protobuf = require('protobufjs');
const {PACKAGE, PROTO, grpc} = require('../lib/client');
const {field, text, varintField} = require('../lib/protobuf');
const {status} = grpc;
const ROOT = new protobuf.Root().loadSync(path.join(PROTO, 'meta.proto'), {keepCase: true}).lookup('meta');

const CALLS = { // §3 and §9: request, response, kind
  MetaService: `Handshake stream HandshakeRequest → stream HandshakeResponse
KvApi RaftRequest → RaftReply
KvReadV1 RaftRequest → stream StreamItem
KvList KvListRequest → stream StreamItem
KvGetMany stream KvGetManyRequest → stream StreamItem
Transaction TxnRequest → TxnReply
KvTransaction KvTransactionRequest → KvTransactionReply
MemberList MemberListRequest → MemberListReply
Export Empty → stream ExportedChunk
ExportV1 ExportRequest → stream ExportedChunk
SnapshotKeysLayout KeysLayoutRequest → stream KeysCount
Watch WatchRequest → stream WatchResponse
GetClusterStatus Empty → ClusterStatus
GetClientInfo Empty → ClientInfo`,
  RaftService: `Forward RaftRequest → RaftReply
KvReadV1 RaftRequest → stream StreamItem
AppendEntries RaftRequest → RaftReply
AppendV001 stream AppendRequest → stream AppendResponse
Vote RaftRequest → RaftReply
VoteV001 VoteRequest → VoteResponse
InstallSnapshotV003 stream SnapshotChunkRequestV003 → SnapshotResponseV003
InstallSnapshotV004 stream InstallEntryV004 → InstallSnapshotResponseV004
TransferLeader TransferLeaderRequest → Empty`,
};

// The lines of messages.txt, continuation lines joined: {section, name, fields}.
function specified(isEnum) {
  const text = fs.readFileSync(path.join(__dirname, 'messages.txt'), 'utf8').replace(/^#.*\n/gm, '').replace(/\n {2}/g, ' ');
  return text.trim().split('\n').map((line) => /^(\S+) (enum )?([\w.]+): ?(.*)$/.exec(line))
    .filter((found) => Boolean(found[2]) === isEnum)
    .map(([, section, , name, fields]) => ({section, name, fields: fields.split(/, (?=\w+ \d+)/).filter(Boolean)}));
}

function printField({name, id, keyType, type, repeated, partOf, options}) {
  if (keyType) return `${name} ${id} map<${keyType},${type}>`;
  const mark = repeated ? '*' : options?.proto3_optional ? (/^[a-z]/.test(type) ? '?' : '') : partOf ? `(${partOf.name})` : '';
  return `${name} ${id} ${type}${mark}`;
}

function printCalls(service) {
  const name = (stream, type) => `${stream ? 'stream ' : ''}${type.type.name}`;
  return Object.entries(service).map(([call, method]) =>
    `${call} ${name(method.requestStream, method.requestType)} → ${name(method.responseStream, method.responseType)}`).join('\n');
}

module.exports = (world) => {
  for (const {section, name, fields} of specified(false)) {
    test(`${section} ${name} has the specified fields and numbers`, () => {
      assert.deepEqual(ROOT.lookupType(name).fieldsArray.map(printField).sort(), [...fields].sort());
    });
  }
  for (const {section, name, fields} of specified(true)) {
    test(`${section} enum ${name} has the specified numbers`, () => {
      const {values} = ROOT.lookupEnum(name);
      assert.deepEqual(Object.entries(values).map(([each, number]) => `${each} ${number}`), fields);
    });
  }
  for (const [service, calls] of Object.entries(CALLS)) {
    test(`3 ${service} has the specified calls`, () => {
      assert.equal(printCalls(PACKAGE[service].service), calls);
    });
  }

  const raw = (name, bytes, client = world.client) => client.call(name, bytes, {rawRequest: true});
  const evaluate = async (condition) => {
    const {code, details, reply} = await world.client.call('Transaction', {condition: [condition]});
    assert.equal(code, status.OK, details);
    return reply.success ?? false;
  };

  test('2.6 an unknown comparison is EQ', async () => {
    assert.equal(await evaluate({key: 'absent', seq: 0, expected: 77}), true);
    assert.equal(await evaluate({key: 'absent', seq: 1, expected: 77}), false);
  });
  test('2.6 a condition without a target is false', async () => assert.equal(await evaluate({key: 'absent'}), false));
  test('2.6 an unknown combining operator is AND', async () => {
    const predicate = {operator: 9, conditions: [{key: 'absent', seq: 0}, {key: 'absent', seq: 1}]};
    const {reply} = await world.client.call('Transaction', {operations: [{predicate}]});
    assert.equal(reply.execution_path, 'then');
  });
  test('2.6 predicates nest as deep as protobuf reads them', async () => {
    // The branch, 98 expressions and the condition make its 100 levels.
    const nested = (condition) => {
      let predicate = {conditions: [condition]};
      for (let depth = 1; depth < 98; ++depth) predicate = {operator: depth % 2 ? 'OR' : 'AND', sub_expressions: [predicate]};
      return {predicate};
    };
    for (const [seq, path, branch] of [[0, 'operation:0', 0], [1, 'then', undefined]]) {
      const operations = [nested({key: 'absent', seq})];
      const {code, details, reply} = await world.client.call('Transaction', {operations});
      assert.deepEqual([code, reply?.execution_path], [status.OK, path], details);
      const kv = await world.leaderClient.call('KvTransaction', {branches: operations});
      assert.deepEqual([kv.code, kv.reply?.executed_branch], [status.OK, branch], kv.details);
    }
    // What has been written can be backed up, and says the same.
    const {replies} = await world.client.call('Export');
    assert.ok(replies.flatMap(({data}) => data).some((line) => line.split('"sub_expressions"').length === 99));
  });
  test('2.6 fields of older clients in put and delete are ignored', async () => {
    const put = Buffer.concat([text(1, 'old'), text(2, 'v'), varintField(3, 1)]);
    const erase = Buffer.concat([text(1, 'old'), varintField(2, 1)]);
    const {code, reply} = await raw('Transaction', Buffer.concat([field(2, field(2, put)), field(2, field(3, erase))]));
    assert.equal(code, status.OK);
    assert.deepEqual(reply.responses.map((each) => Object.keys(each)[0]), ['put', 'delete']);
    assert.equal(reply.responses[1].delete.prev_value.data.toString(), 'v');
  });
  test('2.6 unknown fields are ignored', async () => {
    const {code} = await raw('Transaction', Buffer.concat([text(999, 'from the future'), varintField(1000, 7)]));
    assert.equal(code, status.OK);
  });
  test('2.6 an executed branch of 0 is on the wire', async () => {
    const {reply} = await world.leaderClient.call('KvTransaction', {branches: [{}]}, {rawReply: true});
    assert.deepEqual(reply, Buffer.from([0x08, 0x00]));
  });
  test('2.6 no executed branch is nothing on the wire', async () => {
    const {reply} = await world.leaderClient.call('KvTransaction', {}, {rawReply: true});
    assert.deepEqual(reply, Buffer.alloc(0));
  });
  test('2.6 a negative delta is a plain varint', async () => {
    await world.client.put('delta', '7');
    const increase = Buffer.concat([text(1, 'delta'), varintField(2, (1n << 64n) - 3n)]);
    const {reply} = await raw('Transaction', field(2, field(5, increase)));
    assert.equal(reply.responses[0].fetch_increase_u64.after, '4');
  });
  test('2.6 put_sequential answers as put, with the generated key', async () => {
    const op = {put_sequential: {prefix: 'generated/', sequence_key: 'generated', value: Buffer.from('v')}};
    const {reply} = await world.client.transaction([op]);
    assert.match(reply.responses[0].put.key, /^generated\/(\d{3}_){6}\d{3}$/);
  });
  test('2.1 every record has meta with the time of its proposal', async () => {
    const before = Date.now();
    const {reply} = await world.client.put('proposed', 'v');
    const proposed = Number(reply.responses[0].put.current.meta.proposed_at_ms);
    assert.ok(Math.abs(proposed - before) < 600_000);
    const {replies} = await world.client.read({GetKV: {key: 'proposed'}});
    assert.equal(Number(replies[0].value.meta.proposed_at_ms), proposed);
    assert.equal(replies[0].value.meta.expire_at, undefined);
  });
};
