'use strict';
// kv-semantics.md §15: the worked examples that can be seen on the wire.

const {after, before, test} = require('node:test');
const {ExampleRunner, canReach} = require('../lib/examples');
const {readTable} = require('../lib/notation');

const TABLES = ['upsert.txt', 'expiry.txt', 'conditions.txt', 'operations.txt', 'kv_transaction.txt'];

module.exports = (world) => {
  let runner;
  before(async () => {
    const watch = world.client.begin('Watch', {key: '', key_end: '\u{10ffff}'}, {deadlineMs: 600_000});
    await watch.headers();
    runner = new ExampleRunner({client: world.client, leader: world.leaderClient, watch});
  });
  after(() => runner.watch.call.cancel());

  for (const example of TABLES.flatMap(readTable).filter(canReach)) {
    test(`15.${example.number} ${example.title || example.entry}`, () => runner.run(example));
  }
};
