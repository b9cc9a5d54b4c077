'use strict';
// What the cases get: the node under test and clients of it.

const {after, before, describe} = require('node:test');
const {connect} = require('./client');
const {Cluster, waitFor} = require('./server');

// Runs `cases` against every member of a cluster of `size`: first the leader, then the followers.
function everyMember(size, cases, options = {}) {
  let cluster;
  before(async () => { cluster = await Cluster.start(size, options); });
  after(() => cluster?.stop());
  for (let index = 0; index < size; ++index) {
    const role = size === 1 ? 'single' : index === 0 ? 'leader' : `follower ${index}`;
    describe(role, () => {
      const world = {role, leads: index === 0, size};
      before(() => enter(world, cluster, index));
      after(() => leave(world));
      for (const [title, register] of Object.entries(cases)) describe(title, () => register(world));
    });
  }
}

async function enter(world, cluster, index) {
  world.cluster = cluster;
  const leader = await waitFor('a leader', () => findLeader(cluster));
  const others = cluster.nodes.filter((node) => node !== leader);
  world.leader = leader;
  world.node = [leader, ...others][index];
  world.client = await connect(world.node.address);
  world.leaderClient = await connect(leader.address);
}

function leave(world) {
  world.client?.close();
  world.leaderClient?.close();
}

// The node that all members name, once it is in everybody's node table.
async function findLeader(cluster) {
  const named = new Set();
  for (const node of cluster.nodes) {
    const client = await connect(node.address);
    const {reply} = await client.call('GetClusterStatus');
    client.close();
    if (!reply.leader || reply.voters.length !== cluster.nodes.length) return undefined;
    named.add(/^id=(\d+) /.exec(reply.leader)[1]);
  }
  return named.size === 1 ? cluster.nodes.find((node) => named.has(String(node.id))) : undefined;
}

module.exports = {everyMember, findLeader};
