'use strict';
// grpc-api.md §1.2, §6: records of more than half of what a message may have, in a cluster.

const assert = require('node:assert/strict');
const {after, before, describe, test} = require('node:test');
const {Client, RaftService, connect, grpc} = require('./lib/client');
const {Cluster, metactl, waitFor} = require('./lib/server');
const {findLeader} = require('./lib/world');
const {status} = grpc;

const BYTES = 17 << 20;

describe('a value of 17 MiB', () => {
  let cluster;
  let clients; // the leader's first
  const value = (byte) => Buffer.alloc(BYTES, byte);
  before(async () => {
    cluster = await Cluster.start(3);
    const leader = await waitFor('a leader', () => findLeader(cluster));
    const nodes = [leader, ...cluster.nodes.filter((node) => node !== leader)];
    clients = await Promise.all(nodes.map((node) => connect(node.address)));
  });
  after(async () => {
    for (const client of clients) client.close();
    await cluster.stop();
  });

  test('1.2 is written through the leader', async () => {
    const {code, details} = await clients[0].put('large', value(1));
    assert.equal(code, status.OK, details);
  });
  test('8.4 can be backed up', async () => {
    const db = `${cluster.directory}/backup`;
    const {code, stderr} = await metactl(['export', '--grpc-api-address', cluster.nodes[0].address, '--db', db]);
    assert.equal(code, 0, stderr);
  });
  test('1.2 is replaced through a follower, whose answer has both', async () => {
    const {code, details, reply} = await clients[1].put('large', value(2));
    assert.equal(code, status.OK, details);
    const {prev_value: prev, current} = reply.responses[0].put;
    assert.ok(prev.data.equals(value(1)) && current.data.equals(value(2)));
  });
  test('6 is read from each member', async () => {
    for (const client of clients) {
      const {code, details, replies} = await client.read({GetKV: {key: 'large'}});
      assert.equal(code, status.OK, details);
      assert.ok(replies[0].value.data.equals(value(2)));
    }
  });
  test('5.4 is too large for the list of Forward, which is one message, and says so', async () => {
    const peer = new Client(cluster.nodes[0].raftAddress, {service: RaftService});
    const {code, reply} = await peer.call('Forward', {data: '{"forward_to_leader":1,"body":{"ListKV":{"prefix":"large"}}}'});
    peer.close();
    assert.deepEqual([code, reply.data], [status.OK, undefined]);
    assert.match(JSON.parse(reply.error).DataError.ReadError.source.msg, /KvReadV1/);
  });
  test('6 is listed together with another one: the limit holds for each', async () => {
    await clients[0].put('large too', value(1));
    const {replies} = await clients[2].call('KvList', {prefix: 'large'});
    assert.deepEqual(replies.map((item) => item.value.data.length), [BYTES, BYTES]);
  });
});
