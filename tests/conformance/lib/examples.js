'use strict';
// Runs the worked examples of tests/sm/tables over the wire: makes the state before, sends the request, compares the answer, the
// state after and the events. The server chooses times and goes on counting, so both are translated by a `Frame`.

const assert = require('node:assert/strict');
const {NEAR_T0, Printer, RequestParser, T0, parseState, quote, relativeTime} = require('./notation');
const {waitFor} = require('./server');

const HOUR_MS = 3_600_000;
const MARK = '~'; // a key that no example uses; written to burn sequence numbers and to separate what is watched

// What the table's numbers are on the server in this run.
class Frame {
  // `at`: the entry's time in the table, ms after T0. `soon`: what T0 is for records that must have expired by then.
  constructor(at, soon) {
    this.at = at;
    this.soon = soon;
    this.base = 0;
    this.names = new Map(); // server time -> text of the table
  }
  toServerSeq(seq) {
    return seq === 0 ? 0 : this.base + seq;
  }
  fromServerSeq(seq) {
    return Number(seq) === 0 ? 0 : Number(seq) - this.base;
  }
  // Past and future of the entry stay so; how far does not matter to any example.
  toServerTime(time, isRecord = false) {
    const text = time.absolute ?? relativeTime(time.relative);
    const inSeconds = time.absolute !== undefined && BigInt(time.absolute) <= 100_000_000_000n;
    const offset = time.relative ?? Number(time.absolute) * (inSeconds ? 1000 : 1) - T0;
    const isPast = offset < this.at;
    const start = isPast && isRecord ? this.soon : Date.now() + (isPast ? -HOUR_MS : HOUR_MS);
    const onServer = Math.abs(offset) >= NEAR_T0 ? time.absolute
      : inSeconds ? Math.ceil((start + offset) / 1000) : start + offset;
    this.names.set(String(onServer), text);
    return onServer;
  }
  // A time that nobody named came from a ttl, so it counts from its entry's own time.
  fromServerTime(expire, proposedAt) {
    return this.names.get(String(expire)) ?? relativeTime(this.at + Number(expire) - Number(proposedAt));
  }
  knowsTime(text) {
    return [...this.names.values()].includes(text);
  }
}

// Some examples turn on the exact instant, or on a clock that goes backwards, which only the author of a log entry can choose.
function canReach(example) {
  const at = /^T0([+-]\d+)?:/.exec(example.entry);
  if (!at || example.first) return false;
  const instant = relativeTime(Number(at[1] ?? 0)).replace('+', '\\+');
  return !new RegExp(`(\\^|expire_at |expires_at_ms )${instant}(?![0-9+-])`).test(`${example.before} ${example.entry}`);
}

const timeText = (time) => time.absolute ?? relativeTime(time.relative);
const printExpected = ({key, seq, data, expire}) => `${key || '""'}#${seq}=${quote(data)}${expire ? `^${timeText(expire)}` : ''}`;

class ExampleRunner {
  // `client`: of the node under test. `leader`: of the leader, which KvTransaction needs. `watch`: a watch of every key on the
  // node under test (`Running`).
  constructor({client, leader, watch}) {
    Object.assign(this, {client, leader, watch});
  }

  async run(example) {
    const before = parseState(example.before);
    const after = example.after === '(unchanged)' ? before : parseState(example.after);
    const frame = await this.prepare(example, before);
    const first = this.watch.result.replies.length;
    const {kind, request} = new RequestParser(example.entry, frame).entry();
    const reply = await this.send(kind, request);
    const printer = new Printer(frame);
    assert.equal(printer.reply(kind, reply), example.reply);
    await this.compareState(after, frame, printer);
    await this.compareEvents(example, after, frame, printer, first);
  }

  // Makes the state before in one log entry, and waits until what has to expire has.
  async prepare(example, before) {
    const at = new RequestParser(example.entry).line.time().relative;
    for (let delay = 150; ; delay *= 4) {
      const frame = new Frame(at, Date.now() + delay);
      const reply = (await this.transaction(this.setUp(before, frame))).replies[0];
      frame.base = Number(reply.responses[1].put.current.seq);
      await this.seen(frame.base);
      if (reply.responses.some(({put}) => put && !put.current)) continue; // expired before it was there
      const passing = before.records.filter(({expire}) => expire && frame.toServerTime(expire, true) < frame.soon + HOUR_MS / 2);
      if (passing.length === 0) return frame;
      const keys = passing.map(({key}) => key);
      await waitFor('records to expire', async () => {
        const items = (await this.client.read({MGetKV: {keys}})).replies;
        return items.every((item) => !item.value);
      });
      return frame;
    }
  }

  setUp(before, frame) {
    const ops = [{delete_by_prefix: {prefix: ''}}, {put: {key: MARK}}];
    for (let seq = 1; seq <= before.seq; ++seq) {
      const record = before.records.find((each) => each.seq === seq);
      const expiry = record?.expire ? {expire_at: frame.toServerTime(record.expire, true)} : {};
      ops.push({put: record ? {key: record.key, value: Buffer.from(record.data), ...expiry} : {key: MARK}});
    }
    return [...ops, {delete: {key: MARK}}];
  }

  // Waits until the watch has told that MARK is gone again, after the write of it that took `seq`.
  async seen(seq) {
    const isEnd = ({event}) => event?.key === MARK && !event.current && Number(event.prev.seq) >= seq;
    await this.watch.until(({replies}) => replies.some(isEnd));
  }

  async transaction(ops) {
    const result = await this.client.transaction(ops);
    assert.equal(result.code, 0, result.details);
    return result;
  }

  async send(kind, request) {
    const call = {
      UpsertKV: () => this.client.kvApi(request),
      Txn: () => this.client.call('Transaction', request),
      KvTxn: () => this.leader.call('KvTransaction', request),
    }[kind];
    const {code, details, reply} = await call();
    assert.equal(code, 0, details);
    if (kind !== 'UpsertKV') return reply;
    const change = JSON.parse(reply.data);
    for (const record of [change.prev, change.result]) if (record) record.data = Buffer.from(record.data);
    return change;
  }

  // Records with a ttl may be gone by the time of the comparison.
  async compareState(after, frame, printer) {
    const stays = (text) => !/\^/.test(text) || frame.knowsTime(/\^(.*)$/.exec(text)[1]);
    const {code, details, replies} = await this.client.read({ListKV: {prefix: ''}});
    assert.equal(code, 0, details);
    const found = replies.map(({key, value}) => `${key || '""'}${printer.record(value)}`);
    assert.deepEqual(found.filter(stays).sort(), after.records.map(printExpected).filter(stays).sort());
    const mark = (await this.transaction([{put: {key: MARK}}, {delete: {key: MARK}}])).reply.responses[0].put.current;
    assert.equal(frame.fromServerSeq(mark.seq), after.seq + 1, 'the next sequence number');
  }

  // Behind the expected events only records with a ttl may still expire before MARK is written.
  async compareEvents(example, after, frame, printer, first) {
    await this.seen(frame.base + after.seq + 1);
    const events = this.watch.result.replies.slice(first).map(({event}) => event);
    const end = events.findIndex((event) => event.key === MARK);
    const expected = example.events === 'none' ? [] : example.events.split('; ');
    assert.deepEqual(events.slice(0, expected.length).map((event) => printer.event(event)), expected);
    for (const event of events.slice(expected.length, end)) {
      assert.ok(!event.current && !frame.names.has(event.prev.meta.expire_at), `one more: ${printer.event(event)}`);
    }
  }
}

module.exports = {ExampleRunner, canReach};
