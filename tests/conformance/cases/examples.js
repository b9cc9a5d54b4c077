'use strict';
// kv-semantics.md §15: the worked examples that can be seen on the wire.

const {before, test} = require('node:test');
const {ExampleRunner, canReach} = require('../lib/examples');
const {readTable} = require('../lib/notation');

const TABLES = ['upsert.txt', 'expiry.txt', 'conditions.txt', 'operations.txt', 'kv_transaction.txt'];

module.exports = (world) => {
  let runner;
  before(async () => {
    runner = new ExampleRunner({client: world.client, leader: world.leaderClient});
  });

  for (const example of TABLES.flatMap(readTable).filter(canReach)) {
    test(`15.${example.number} ${example.title || example.entry}`, () => runner.run(example));
  }
};
