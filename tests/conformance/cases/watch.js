'use strict';
// grpc-api.md §7 and kv-semantics.md §15 H: watching.

const assert = require('node:assert/strict');
const {before, test} = require('node:test');
const {TOKEN, connect, grpc} = require('../lib/client');
const {text, varintField} = require('../lib/protobuf');
const {Connection, frame} = require('../lib/raw');
const {waitFor} = require('../lib/server');
const {status} = grpc;

const END = 'end of flush';
const data = (record) => (record ? `${record.data ?? ''}` : '∅');

// "a: x→y", "init a=x", or the end marker.
function shown({event, is_initialization: initial = false}) {
  if (!event) return initial ? 'a marker that is initial' : END;
  if (initial) return event.prev ? 'an initial event with prev' : `init ${event.key}=${data(event.current)}`;
  return `${event.key ?? ''}: ${data(event.prev)}→${data(event.current)}`;
}

module.exports = (world) => {
  let idleClient; // with one watch, `idle`, and nothing else
  let idle;
  before(async () => {
    await erase('');
    idleClient = await connect(world.node.address);
    idle = idleClient.begin('Watch', {key: 'idle'}, {deadlineMs: 600_000});
    await idle.headers();
  });
  const transaction = async (...ops) => {
    const {code, details, reply} = await world.client.transaction(ops);
    assert.equal(code, status.OK, details);
    return reply.responses;
  };
  const put = (key, value, more = {}) => transaction({put: {key, value: Buffer.from(value), ...more}});
  const erase = (prefix) => transaction({delete_by_prefix: {prefix}});
  const remove = (key) => transaction({delete: {key}});

  // A watch of what is written from now on: a follower may still have to apply what was acknowledged before.
  const begin = async (request, options) => {
    await world.client.read({GetKV: {key: ''}});
    const watch = world.client.begin('Watch', request, options);
    await watch.headers();
    return watch;
  };
  // The first `count` messages of a watch that begins, then sees `change`; fails when one more comes before a last write to
  // `fence`, a key in its range.
  const watched = async (request, change, count, fence) => {
    const watch = await begin(request);
    await change?.();
    if (fence) await put(fence, 'fence');
    const {replies} = await watch.until((result) => (fence
      ? result.replies.some(({event}) => event?.key === fence && data(event.current) === 'fence')
      : result.replies.length >= count));
    watch.call.cancel();
    assert.equal((await watch.done).code, status.CANCELLED);
    if (fence) await remove(fence);
    return replies.map(shown).filter((line) => !line.endsWith('→fence'));
  };

  // --- 7.1

  for (const [key, key_end] of [['a', 'a'], ['b', 'a'], ['a', ''], ['', '']]) {
    test(`7.1 15.147 the range ["${key}", "${key_end}") is INVALID_ARGUMENT`, async () => {
      const {code, details, headers} = await world.client.call('Watch', {key, key_end});
      assert.deepEqual([code, details, headers], [status.INVALID_ARGUMENT, 'empty range', undefined]);
    });
  }
  test('15.137 7.1 without key_end exactly the key is watched', async () => {
    const change = async () => {
      await put('a', 'a');
      await put('aa', 'x');
      await put('`', 'x');
    };
    assert.deepEqual(await watched({key: 'a'}, change, 0, 'a'), ['a: ∅→a']);
    await erase('');
  });
  test('15.138 7.1 key_end is exclusive', async () => {
    const change = async () => {
      await put('a', 'a');
      await put('z', 'z');
      await put('b', 'b');
      await put('b', 'new');
      await remove('b');
    };
    assert.deepEqual(await watched({key: 'a', key_end: 'z'}, change, 0, 'f'), ['a: ∅→a', 'b: ∅→b', 'b: b→new', 'b: new→∅']);
    await erase('');
  });
  test('7.1 the empty key can be watched', async () => {
    assert.deepEqual(await watched({key: ''}, () => put('', 'e'), 1), [': ∅→e']);
    await erase('');
  });

  // --- 7.2

  const oldAndNew = async () => {
    await put('1', 'old');
    await remove('1');
    await put('1', 'new');
    await remove('1');
  };
  test('15.139 7.2 DELETE passes what has no current record', async () => {
    assert.deepEqual(await watched({key: '1', filter_type: 'DELETE'}, oldAndNew, 2), ['1: old→∅', '1: new→∅']);
  });
  test('15.140 7.2 UPDATE passes what has one', async () => {
    assert.deepEqual(await watched({key: '1', filter_type: 'UPDATE'}, oldAndNew, 0, '1'), ['1: ∅→old', '1: ∅→new']);
  });
  test('7.2 an unknown filter is ALL', async () => {
    assert.deepEqual(await watched({key: '1', filter_type: 77}, oldAndNew, 4),
      ['1: ∅→old', '1: old→∅', '1: ∅→new', '1: new→∅']);
  });
  test('7.2 an update with the same bytes is an event', async () => {
    const change = async () => {
      await put('same', 'x');
      await put('same', 'x');
    };
    assert.deepEqual(await watched({key: 'same'}, change, 2), ['same: ∅→x', 'same: x→x']);
    await erase('');
  });
  test('7.2 nothing changed, no event', async () => {
    await put('still', 'x');
    const change = async () => {
      await put('still', 'y', {match_seq: 999_999_999});
      await transaction({delete: {key: 'absent'}});
      await put('absent', 'z', {expire_at: 1});
      await transaction({get: {key: 'still'}});
      await world.client.kvApi({key: 'still', seq: {Exact: 0}, value: 'Delete'});
    };
    assert.deepEqual(await watched({key: 'a', key_end: 'z'}, change, 0, 'still2'), []);
    await erase('');
  });
  test('15.146 7.2 a put that is expired already deletes', async () => {
    await put('k', 'v');
    assert.deepEqual(await watched({key: 'k', filter_type: 'DELETE'}, () => put('k', 'w', {expire_at: 1}), 1), ['k: v→∅']);
  });
  test('7.2 a prefix that is deleted is one event per key', async () => {
    await transaction({put: {key: 'p/1'}}, {put: {key: 'p/2'}});
    assert.deepEqual(await watched({key: 'p/', key_end: 'p0'}, () => erase('p/'), 0, 'p/3'), ['p/1: →∅', 'p/2: →∅']);
  });
  test('7.2 records of events have all of their meta', async () => {
    const watch = await begin({key: 'meta'});
    const expire_at = `${Date.now() + 3_600_000}`;
    await put('meta', 'v', {expire_at});
    await remove('meta');
    const [{event: first}, {event: second}] = (await watch.replies(2)).replies;
    watch.call.cancel();
    assert.deepEqual(second.prev, first.current);
    assert.equal(first.current.meta.expire_at, expire_at);
    assert.ok(Number(first.current.meta.proposed_at_ms) > 0);
  });

  // --- 7.3

  test('15.141 7.3 the flush has the records of the range in order, then its end, then changes', async () => {
    for (const key of ['d', 'b', 'a', 'c', 'z']) await put(key, key);
    const change = async () => {
      await put('a', 'a2');
      await remove('c');
    };
    assert.deepEqual(await watched({key: 'a', key_end: 'e', initial_flush: true}, change, 7),
      ['init a=a', 'init b=b', 'init c=c', 'init d=d', END, 'a: a→a2', 'c: c→∅']);
    await erase('');
  });
  test('15.142 7.3 the filter does not apply to the flush', async () => {
    await put('a', 'a');
    await put('b', 'b');
    const change = async () => {
      await put('a', 'x');
      await remove('b');
    };
    assert.deepEqual(await watched({key: 'a', key_end: 'e', initial_flush: true, filter_type: 'DELETE'}, change, 4),
      ['init a=a', 'init b=b', END, 'b: b→∅']);
    await erase('');
  });
  test('15.143 7.3 nothing in the range: the end only', async () => {
    assert.deepEqual(await watched({key: 'x', key_end: 'y', initial_flush: true}, undefined, 1), [END]);
  });
  test('7.3 the end marker has no event and is not initial, byte for byte', async () => {
    const watch = await begin({key: 'x', key_end: 'y', initial_flush: true}, {rawReply: true});
    const {replies} = await watch.replies(1);
    watch.call.cancel();
    assert.deepEqual(replies[0], Buffer.alloc(0));
  });
  test('7.3 without a flush there is no end marker', async () => {
    await put('a', 'a');
    assert.deepEqual(await watched({key: 'a', key_end: 'e'}, undefined, 0, 'd'), []);
    await erase('');
  });
  test('15.144 7.3 what is expired but not swept is in the flush, and its deletion follows', async () => {
    await put('a', 'x', {expire_at: Date.now() + 100});
    await waitFor('a to expire', async () => !(await world.client.read({GetKV: {key: 'a'}})).reply.value);
    assert.deepEqual(await watched({key: 'a', key_end: 'e', initial_flush: true}, () => transaction(), 3),
      ['init a=x', END, 'a: x→∅']);
  });
  test('7.3 every change is in the flush or behind it, never both, never neither', async () => {
    let stop = false;
    const writes = (async () => {
      let last = 0;
      while (!stop) await put('gap', `${++last}`);
      return last;
    })();
    const seen = [];
    for (let i = 0; i < 10; ++i) {
      const watch = await begin({key: 'gap', key_end: 'gap0', initial_flush: true});
      const {replies} = await watch.until((result) => result.replies.length >= 6);
      watch.call.cancel();
      seen.push(replies.filter(({event}) => event).map(({event}) => Number(data(event.current))));
    }
    stop = true;
    await writes;
    for (const values of seen) {
      assert.deepEqual(values, values.map((_, index) => values[0] + index));
    }
    await erase('');
  });

  // --- 7.4

  test('15.145 7.4 expiry first, then the changes of the command in their order', async () => {
    const soon = Date.now() + 150;
    await transaction({put: {key: 'w_b1', value: Buffer.from('1'), expire_at: soon}},
      {put: {key: 'w_b2', value: Buffer.from('2'), expire_at: soon}},
      {put: {key: 'w_b3a', value: Buffer.from('3'), expire_at: soon}}, {put: {key: 'w_b3b', value: Buffer.from('4')}});
    await waitFor('them to expire', async () => (await world.client.read({ListKV: {prefix: 'w_'}})).replies.length === 1);
    const change = () => transaction({put: {key: 'w_b1', value: Buffer.from('o')}}, {delete: {key: 'w_b2'}},
      {delete_by_prefix: {prefix: 'w_b3'}});
    assert.deepEqual(await watched({key: 'w_', key_end: 'w`'}, change, 0, 'w_z'),
      ['w_b1: 1→∅', 'w_b2: 2→∅', 'w_b3a: 3→∅', 'w_b1: ∅→o', 'w_b3b: 4→∅']);
    await erase('');
  });
  test('7.4 several changes of one key in one transaction are several events', async () => {
    const op = (value) => ({put: {key: 'twice', value: Buffer.from(value)}});
    assert.deepEqual(await watched({key: 'twice'}, () => transaction(op('1'), op('2'), {delete: {key: 'twice'}}), 3),
      ['twice: ∅→1', 'twice: 1→2', 'twice: 2→∅']);
  });
  test('7.4 an event comes when its change can be read', async () => {
    const watch = await begin({key: 'effect'});
    for (let i = 1; i <= 20; ++i) {
      await world.leaderClient.put('effect', `${i}`);
      await watch.replies(i);
      const {replies} = await world.client.read({GetKV: {key: 'effect'}});
      assert.equal(data(replies[0].value), `${i}`);
    }
    watch.call.cancel();
    await erase('');
  });
  test('7.4 watchers of one key see the same, in the same order', async () => {
    const watches = await Promise.all(Array.from({length: 50}, () => begin({key: 'all'})));
    await Promise.all(Array.from({length: 20}, (_, i) => world.leaderClient.put('all', `${i}`)));
    const seen = await Promise.all(watches.map((watch) => watch.replies(20)));
    for (const watch of watches) watch.call.cancel();
    for (const {replies} of seen) assert.deepEqual(replies.map(shown), seen[0].replies.map(shown));
    await erase('');
  });

  // --- 7.5, 1.3

  test('7.5 no token is needed', async () => {
    const watch = await begin({key: 'free'}, {metadata: {[TOKEN]: undefined}});
    watch.call.cancel();
  });
  test('1.3 R1 headers come at once, and what is written after them is delivered', async () => {
    const connection = new Connection(world.node.address);
    await world.client.read({GetKV: {key: ''}});
    for (let i = 0; i < 20; ++i) {
      const stream = connection.open('/meta.MetaService/Watch');
      stream.end(frame(text(1, 'at once')));
      const headers = await stream.headers;
      assert.equal(headers['grpc-status'], undefined);
      const first = new Promise((resolve) => { stream.stream.once('data', resolve); });
      await put('at once', `${i}`);
      await first;
      stream.cancel();
    }
    connection.close();
    await erase('');
  });
  test('7.5 a watcher that does not read delays nobody', async () => {
    const connection = new Connection(world.node.address, {settings: {initialWindowSize: 0}});
    const stalled = connection.open('/meta.MetaService/Watch');
    stalled.done.catch(() => {});
    stalled.end(frame(Buffer.concat([text(1, 'slow'), varintField(4, 1)])));
    await stalled.headers;
    const watch = await begin({key: 'slow'});
    for (let i = 1; i <= 200; ++i) await put('slow', 'x'.repeat(1000));
    await watch.replies(200);
    watch.call.cancel();
    connection.close();
    await erase('');
  });
  test('1.2 an idle watch stays open: it tells what comes after all that was before', async () => {
    await put('idle', 'v');
    const {replies} = await idle.replies(1);
    idle.call.cancel();
    idleClient.close();
    assert.deepEqual(replies.map(shown), ['idle: ∅→v']);
    await erase('');
  });
  test('7.5 watches that are cancelled leave room for others', async () => {
    for (let i = 0; i < 200; ++i) {
      const watch = world.client.begin('Watch', {key: `cancel ${i}`, initial_flush: true});
      await watch.replies(1);
      watch.call.cancel();
    }
  });
};
