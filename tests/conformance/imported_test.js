'use strict';
// kv-semantics.md §2 and §15: entries of exact instants and of clocks that no running leader has. They come from a backup, whose
// log two nodes apply under a watch when they have found each other; each entry is judged by its own time.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {after, before, describe, test} = require('node:test');
const {connect} = require('./lib/client');
const {canReach} = require('./lib/examples');
const {Printer, RequestParser, parseState, readTable, relativeTime} = require('./lib/notation');
const {Node, metactl, waitFor} = require('./lib/server');

const HOUR_MS = 3_600_000;
const bytes = (data) => [...Buffer.from(data)];

// A transaction as log entries have it (grpc-api.md §5.5).
function toJson({if_then: ops}) {
  const request = ({get, put, delete: erase, delete_by_prefix: prefix, fetch_increase_u64: fetch}) => {
    if (get) return {Get: get};
    if (put) return {Put: {key: put.key, value: bytes(put.value), expire_at: put.expire_at ?? null, match_seq: null}};
    if (erase) return {Delete: {key: erase.key, match_seq: null}};
    if (prefix) return {DeleteByPrefix: prefix};
    return {FetchIncreaseU64: {key: fetch.key, match_seq: null, delta: Number(fetch.delta), max_value: 0}};
  };
  return {Transaction: {condition: [], if_then: (ops ?? []).map((op) => ({request: request(op)})), else_then: []}};
}

const entry = (index, payload) => ['raft_log', {LogEntry: {log_id: {leader_id: {term: 1, node_id: 1}, index}, payload}}];

const MEMBERSHIP = {configs: [[1, 2]], nodes: {1: {}, 2: {}}};
const normal = (time_ms, cmd) => ({Normal: {time_ms, cmd}});

// The backup of a cluster of these two nodes whose log holds these payloads of entries and whose state does not.
function backupOf(nodes, id, payloads) {
  const log = [{Membership: MEMBERSHIP}, ...payloads].map((payload, index) => entry(index, payload));
  log[0][1].LogEntry.log_id.leader_id.term = 0;
  const first = log[0][1].LogEntry.log_id;
  const sm = (kind) => ['state_machine/0', kind];
  const tableEntry = (node) => ({name: `${node.id}`, endpoint: {addr: 'localhost', port: node.raft}, grpc_api_advertise_address: null});
  return [['header', {DataHeader: {key: 'header', value: {version: 'V004'}}}], ['raft_log', {NodeId: id}],
    ['raft_log', {Vote: {leader_id: {term: 1, node_id: 1}, committed: true}}],
    ['raft_log', {Committed: log.at(-1)[1].LogEntry.log_id}], ['raft_log', {Purged: null}], ...log,
    sm({Sequences: {key: 'generic-kv', value: 0}}),
    sm({StateMachineMeta: {key: 'LastApplied', value: {LogId: first}}}),
    sm({StateMachineMeta: {key: 'LastMembership', value: {Membership: {log_id: first, membership: MEMBERSHIP}}}}),
    ...nodes.map((node) => sm({Nodes: {key: node.id, value: tableEntry(node)}}))].map((line) => `${JSON.stringify(line)}\n`).join('');
}

// The numbers of an example's table in the log: its times begin at `start`, its sequence numbers behind `base`.
const frameOf = (start, base) => ({
  toServerSeq: (seq) => base + seq,
  toServerTime: (time) => Number(time.absolute ?? start + time.relative),
  fromServerSeq: (seq) => Number(seq) - base,
  fromServerTime: (time) => relativeTime(Number(time) - start),
});

const MARK = {put: {key: '~', value: ''}};

// The entries of an example: one that clears everything and makes the state before, its own, and one that marks its end. What
// makes and marks is old enough to let nothing of it expire.
function payloadsOf({before: state, first, entry: own}, frame, start) {
  const {seq, records} = parseState(state);
  const puts = Array.from({length: seq}, (_, i) => {
    const record = records.find((each) => each.seq === i + 1);
    return record ? {put: {key: record.key, value: record.data, expire_at: record.expire && frame.toServerTime(record.expire)}} : MARK;
  });
  const ownEntries = [first, own].filter(Boolean).map((line) => {
    if (line === 'membership') return {Membership: MEMBERSHIP};
    if (line === 'blank') return 'Blank';
    const {at, kind, request} = new RequestParser(line, frame).entry();
    return normal(start + (at.relative ?? 0), kind === 'UpsertKV' ? {UpsertKV: request} : toJson(request));
  });
  const old = (ops) => normal(start - HOUR_MS, toJson({if_then: ops}));
  return [old([{delete_by_prefix: {prefix: ''}}, ...puts, {delete: {key: '~'}}]), ...ownEntries, old([MARK])];
}

const isMark = ({event}) => event.key === '~' && event.current;
const afterOf = (example) => (example.after === '(unchanged)' ? example.before : example.after);
const sorted = (state) => state.replace(/; (.*)$/, (_, list) => `; ${list.split(', ').sort().join(', ')}`);

describe('a log of other clocks', () => {
  const examples = [...readTable('expiry.txt').filter((example) => !canReach(example)),
    ...['reads.txt', 'cluster.txt'].flatMap(readTable).filter(({number}) => [122, 136].includes(number))];
  const frames = new Map();
  let directory;
  let nodes;
  let replies;

  const importInto = async (node, backup) => {
    const db = path.join(directory, 'backup');
    fs.writeFileSync(db, backup);
    const {code, stderr} = await metactl(['import', '--raft-dir', path.join(directory, `_meta${node.id}`), '--db', db]);
    assert.equal(code, 0, stderr);
  };
  before(async () => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), 'metasrv-conformance-'));
    nodes = [await Node.create(directory, 1), await Node.create(directory, 2)];
    const payloads = [];
    let seq = 0;
    examples.forEach((example, i) => {
      const start = Date.now() - 24 * HOUR_MS * (examples.length - i);
      const frame = frameOf(start, seq);
      frames.set(example, frame);
      payloads.push(...payloadsOf(example, frame, start));
      seq += parseState(afterOf(example)).seq + 1;
    });
    payloads.push(normal(Date.now(), toJson({if_then: [{delete_by_prefix: {prefix: ''}}, {put: {key: 'end', value: ''}}]})));
    for (const node of nodes) await importInto(node, backupOf(nodes, node.id, payloads));

    // A watch that is there before anything is applied: one node alone has no leader.
    nodes[0].spawn();
    const client = await waitFor('the node to serve', () => connect(nodes[0].address).catch(() => undefined));
    const watch = client.begin('Watch', {key: '', key_end: '\u{10ffff}'}, {deadlineMs: 600_000});
    await watch.headers();
    assert.equal((await client.call('GetClusterStatus')).reply.last_seq, undefined, 'nothing is applied yet');
    nodes[1].spawn();
    ({replies} = await watch.until((result) => result.replies.some(({event}) => event.key === 'end')));
    watch.call.cancel();
    client.close();
  });
  after(async () => {
    for (const node of nodes) assert.equal((await node.stop()).signal, null, node.output());
    fs.rmSync(directory, {recursive: true, force: true});
  });

  for (const example of examples) {
    test(`15.${example.number} ${example.title}`, () => {
      const frame = frames.get(example);
      const printer = new Printer(frame);
      const lastOfState = `${frame.toServerSeq(parseState(example.before).seq)}`;
      let begin = replies.findIndex(({event}) => event.current?.seq === lastOfState) + 1;
      if (replies[begin].event.key === '~' && !replies[begin].event.current) ++begin;
      const end = replies.findIndex((reply, i) => i >= begin && isMark(reply));
      const events = replies.slice(begin, end).map(({event}) => printer.event(event)).join('; ');
      assert.equal(events || 'none', example.events);
      // What is cleared next is the state after it.
      const next = replies.findIndex(({event}, i) => i > end && event.current);
      const left = replies.slice(end + 1, next).map(({event}) => event).filter(({key}) => key !== '~');
      const records = left.map(({key, prev}) => `${key}${printer.record(prev)}`).join(', ') || '(empty)';
      const seq = frame.fromServerSeq(replies[end].event.current.seq) - 1;
      assert.equal(sorted(`S=${seq}; ${records}`), sorted(afterOf(example)));
    });
  }
});
