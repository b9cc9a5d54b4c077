'use strict';
// kv-semantics.md §15, the examples that turn on the exact instant of an expiry. The server chooses the time of an entry, so many
// records expire one millisecond after the other: whatever the time is, one of them expires at that very instant.

const assert = require('node:assert/strict');
const {before, test} = require('node:test');
const {grpc} = require('../lib/client');
const {waitFor} = require('../lib/server');
const {status} = grpc;

const COUNT = 2000;
const LEAD_MS = 400; // how long the first of them has to live
const name = (i) => `instant/${String(i).padStart(5, '0')}`;
const OPS = Array.from({length: COUNT}, (_, i) => i);

module.exports = (world) => {
  const transaction = async (ops) => {
    const {code, details, reply} = await world.client.transaction(ops);
    assert.equal(code, status.OK, details);
    return reply.responses;
  };
  // The time of an entry is that of what it writes.
  const MARK = {put: {key: 'instant', value: Buffer.from('mark')}};
  const timeOf = (responses) => Number(responses[0].put.current.meta.proposed_at_ms);
  const erase = () => transaction([{delete_by_prefix: {prefix: 'instant'}}]);
  before(erase);

  // Writes records that expire at `base`, `base + 1`, ..., waits until some are due, and gives what `attempt(base)` made of them:
  // undefined when its instant was none of theirs, as on a machine that stood still.
  const amongInstants = (value, attempt) => waitFor('an instant among those of the records', async () => {
    await erase();
    const base = Date.now() + LEAD_MS;
    await transaction([MARK, ...OPS.map((i) => ({put: {key: name(i), value: Buffer.from(value), expire_at: base + i}}))]);
    await waitFor('the first to be due', () => Date.now() >= base + 20);
    return attempt(base);
  });
  const isAmong = (base, time) => time > base && time < base + COUNT;

  test('15.30 at the instant of its expiry a transaction finds a record, and not a millisecond later', async () => {
    const [base, time, found] = await amongInstants('v', async (at) => {
      const [mark, ...gets] = await transaction([MARK, ...OPS.map((i) => ({get: {key: name(i)}}))]);
      return isAmong(at, timeOf([mark])) && [at, timeOf([mark]), gets];
    });
    assert.deepEqual(found.map(({get}) => Boolean(get.value)), OPS.map((i) => base + i >= time));
    assert.equal(Number(found[time - base].get.value.meta.expire_at), time);
  });
  test('15.38 at the instant of its expiry a counter goes on, without an expiry; a millisecond later it begins again', async () => {
    const watch = world.client.begin('Watch', {key: 'instant/', key_end: 'instant0'}, {deadlineMs: 600_000});
    await watch.headers();
    const [base, time, counted] = await amongInstants('41', async (at) => {
      const [mark, ...counts] = await transaction([MARK, ...OPS.map((i) => ({fetch_increase_u64: {key: name(i), delta: 1}}))]);
      return isAmong(at, timeOf([mark])) && [at, timeOf([mark]), counts];
    });
    assert.deepEqual(counted.map(({fetch_increase_u64: {before: old = '0', after}}) => [old, after]),
      OPS.map((i) => (base + i >= time ? ['41', '42'] : ['0', '1'])));
    const exact = counted[time - base].fetch_increase_u64;
    assert.notEqual(exact.before_seq ?? '0', '0');
    const {replies} = await watch.until((result) => result.replies.some(({event}) => event.current?.seq === exact.after_seq));
    watch.call.cancel();
    const {event} = replies.find((reply) => reply.event.current?.seq === exact.after_seq);
    assert.deepEqual([event.key, `${event.prev.data}`, Number(event.prev.meta.expire_at), `${event.current.data}`,
      event.current.meta.expire_at], [exact.key, '41', time, '42', undefined]);
  });
  test('15.24 a put that expires at the time of its entry is stored, and one that expires a millisecond before is not', async () => {
    const [base, time, puts] = await waitFor('a time among the expiries', async () => {
      const at = Date.now() - 200;
      const ops = OPS.map((i) => ({put: {key: name(i), value: Buffer.from('v'), expire_at: at + i}}));
      const [mark, ...answers] = await transaction([MARK, ...ops]);
      return isAmong(at, timeOf([mark])) && [at, timeOf([mark]), answers];
    });
    assert.deepEqual(puts.map(({put}) => Boolean(put.current)), OPS.map((i) => base + i >= time));
    assert.equal(Number(puts[time - base].put.current.meta.expire_at), time);
  });
  test('15.119 at the instant of its expiry a record is read, and not a millisecond later', async () => {
    let exact = false; // the server's clock showed `start`, too
    await amongInstants('v', async (base) => {
      for (let tries = 0; tries < 300 && Date.now() < base + COUNT - 200; ++tries) {
        const start = Date.now();
        const {replies} = await world.client.call('KvList', {prefix: 'instant/', limit: 1});
        const end = Date.now();
        const first = Number(replies[0]?.value.meta.expire_at ?? Infinity);
        assert.ok(first >= start && first <= end, `the first that is left expires at ${first}, read from ${start} to ${end}`);
        exact ||= first === start;
      }
      // A read through a follower takes longer than a millisecond.
      return exact || !world.leads;
    });
    await erase();
  });
};
