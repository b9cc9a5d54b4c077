'use strict';
// Reads the worked examples of tests/sm/tables and prints what the wire shows in the same notation (see tests/sm/README.md).
// Times and sequence numbers go through a `Frame`, which knows what the table's numbers are on the running server.

const fs = require('node:fs');
const path = require('node:path');

const TABLES = path.join(__dirname, '../../sm/tables');
const T0 = 1_700_000_000_000;
const NEAR_T0 = 1_000_000;
const ABSENT = '∅';

// [{number, title, before, entry, reply, after, events, first?}] of one file.
function readTable(name) {
  const examples = [];
  for (const line of fs.readFileSync(path.join(TABLES, name), 'utf8').split('\n')) {
    const head = /^\[(\d+)\](.*)$/.exec(line);
    const part = /^(before|first|entry|reply|after|events):\s*(.*)$/.exec(line);
    if (head) examples.push({number: Number(head[1]), title: head[2].trim()});
    else if (part) examples[examples.length - 1][part[1]] = part[2].trim();
  }
  return examples;
}

class Scanner {
  constructor(text) {
    this.rest = text.trimStart();
  }
  get atEnd() {
    return this.rest === '';
  }
  sees(token) {
    return this.rest.startsWith(token);
  }
  skip(length) {
    this.rest = this.rest.slice(length).replace(/^ +/, '');
  }
  take(token) {
    if (!this.sees(token)) return false;
    this.skip(token.length);
    return true;
  }
  expect(token) {
    if (!this.take(token)) throw new Error(`wanted ${token} at: ${this.rest}`);
  }
  match(pattern, what) {
    const found = pattern.exec(this.rest);
    if (!found) throw new Error(`wanted ${what} at: ${this.rest}`);
    this.skip(found[0].length);
    return found[0];
  }
  quoted() {
    const text = this.match(/^"(\\.|[^"\\])*"/, 'a quoted string');
    return text.slice(1, -1).replace(/\\(.)/g, (_, c) => (c === 't' ? '\t' : c));
  }
  word(stops = ',;:\\[\\](){}') {
    return this.sees('"') ? this.quoted() : this.match(new RegExp(`^[^ ${stops}]+`), 'a word');
  }
  // As text, since it may not fit a double.
  number() {
    return this.match(/^[+-]?\d+/, 'a number').replace(/^\+/, '');
  }
  // A time of the table: {relative: ms after T0} or {absolute: text}.
  time() {
    if (!this.take('T0')) return {absolute: this.number()};
    return {relative: /^[+-]/.test(this.rest) ? Number(this.number()) : 0};
  }
  list(open, close, item) {
    const items = [];
    this.expect(open);
    while (!this.take(close)) {
      items.push(item());
      this.take(',');
    }
    return items;
  }
}

// {seq, records: [{key, seq, data, expire?}]}, records by seq.
function parseState(text) {
  const line = new Scanner(text);
  line.expect('S=');
  const state = {seq: Number(line.number()), records: []};
  line.expect(';');
  if (!line.take('(empty)')) {
    do {
      const key = line.sees('"') ? line.quoted() : line.word('#');
      line.expect('#');
      const record = {key, seq: Number(line.number())};
      line.expect('=');
      record.data = line.quoted();
      if (line.take('^')) record.expire = line.time();
      state.records.push(record);
    } while (line.take(','));
  }
  if (!line.atEnd) throw new Error(`not a state of records: ${text}`);
  state.records.sort((a, b) => a.seq - b.seq);
  return state;
}

// Builds requests; a time or a sequence number becomes what `frame` says.
class RequestParser {
  constructor(text, frame) {
    this.line = new Scanner(text);
    this.frame = frame;
  }
  seq() {
    return this.frame.toServerSeq(Number(this.line.number()));
  }
  time() {
    return this.frame.toServerTime(this.line.time());
  }

  // {at, kind: 'UpsertKV'|'Txn'|'KvTxn', request}
  entry() {
    const {line} = this;
    const at = line.time();
    line.expect(':');
    const kind = ['UpsertKV', 'KvTxn', 'Txn'].find((name) => line.take(name));
    if (!kind) throw new Error(`not a request of clients: ${line.rest}`);
    const request = {UpsertKV: () => this.upsert(), KvTxn: () => ({branches: this.branches()}),
      Txn: () => this.transaction()}[kind]();
    if (!line.atEnd) throw new Error(`not understood: ${line.rest}`);
    return {at, kind, request};
  }

  upsert() {
    const {line} = this;
    const upsert = {key: line.word(), value_meta: null};
    if (line.take('Any')) upsert.seq = 'Any';
    else if (line.take('Exact(')) upsert.seq = {Exact: this.seq()};
    else if (line.take('GE(')) upsert.seq = {GE: this.seq()};
    if (typeof upsert.seq === 'object') line.expect(')');
    upsert.value = line.take('Update') ? {Update: [...Buffer.from(line.quoted())]}
      : ['Delete', 'AsIs'].find((name) => line.take(name));
    while (!line.atEnd) {
      upsert.value_meta ??= {expire_at: null};
      if (line.take('ttl')) upsert.value_meta.ttl = {millis: Number(line.number())};
      else if (line.take('expire_at')) upsert.value_meta.expire_at = Number(this.time());
    }
    return upsert;
  }

  condition() {
    const {line} = this;
    const condition = {key: line.word()};
    if (line.take('no_target')) return condition;
    const target = ['seq', 'value', 'keys_with_prefix'].find((name) => line.take(name));
    condition.expected = line.word();
    if (target === 'seq') condition.seq = this.seq();
    else if (target === 'value') condition.value = Buffer.from(line.quoted());
    else condition.keys_with_prefix = line.number();
    return condition;
  }

  expression() {
    const {line} = this;
    const operator = ['AND', 'OR'].find((name) => line.take(name));
    if (!operator) return {conditions: [this.condition()]};
    const expression = {operator, sub_expressions: [], conditions: []};
    line.list('(', ')', () => {
      if (line.sees('OR(') || line.sees('AND(')) expression.sub_expressions.push(this.expression());
      else expression.conditions.push(this.condition());
    });
    return expression;
  }

  // Fields "name value" of an operation that come next, in any order.
  fields(readers) {
    const fields = {};
    for (;;) {
      const name = Object.keys(readers).find((each) => this.line.take(each));
      if (!name) return fields;
      fields[name] = readers[name]();
    }
  }

  operation() {
    const {line} = this;
    if (line.take('no_request')) return {};
    const name = line.word();
    const seq = () => this.seq();
    const time = () => this.time();
    const plain = () => line.number();
    switch (name) {
      case 'get': return {get: {key: line.word()}};
      case 'put':
        return {put: {key: line.word(), value: Buffer.from(line.quoted()),
          ...this.fields({match_seq: seq, expire_at: time, ttl_ms: plain})}};
      case 'delete': return {delete: {key: line.word(), ...this.fields({match_seq: seq})}};
      case 'delete_by_prefix': return {delete_by_prefix: {prefix: line.quoted()}};
      case 'fetch_increase': {
        const key = line.word();
        const before = this.fields({max_value: plain});
        line.take('delta');
        return {fetch_increase_u64: {key, ...before, delta: line.number(), ...this.fields({match_seq: seq})}};
      }
      case 'put_sequential':
        return {put_sequential: {prefix: line.quoted(), sequence_key: line.quoted(), value: Buffer.from(line.quoted()),
          ...this.fields({ttl_ms: plain, expires_at_ms: time})}};
      default: throw new Error(`unknown operation ${name}`);
    }
  }

  operations() {
    return this.line.list('[', ']', () => this.operation());
  }

  branches() {
    const {line} = this;
    return line.list('[', ']', () => {
      line.expect('{');
      const branch = line.take('always') ? {} : {predicate: this.expression()};
      line.expect('→');
      branch.operations = line.sees('[') ? this.operations() : [this.operation()];
      line.expect('}');
      return branch;
    });
  }

  transaction() {
    const {line} = this;
    const request = {};
    while (!line.atEnd) {
      if (line.take('operations')) request.operations = this.branches();
      else if (line.take('condition')) request.condition = line.list('[', ']', () => this.condition());
      else if (line.take('then')) request.if_then = this.operations();
      else {
        line.expect('else');
        request.else_then = this.operations();
      }
    }
    return request;
  }
}

const quote = (text) => `"${text.replace(/[\\"]/g, '\\$&').replace(/\t/g, '\\t')}"`;
const key = (text) => text || '""';

function relativeTime(offset) {
  return offset === 0 ? 'T0' : `T0${offset > 0 ? '+' : '-'}${Math.abs(offset)}`;
}

// Prints what came over the wire; records are {seq, data: Buffer, meta}, as in protobuf.
class Printer {
  constructor(frame) {
    this.frame = frame;
  }
  record(record) {
    if (!record) return ABSENT;
    const expire = record.meta?.expire_at;
    const time = expire == null ? '' : `^${this.frame.fromServerTime(expire, record.meta.proposed_at_ms)}`;
    return `#${this.frame.fromServerSeq(record.seq)}=${quote((record.data ?? Buffer.alloc(0)).toString())}${time}`;
  }
  response(response) {
    const {get, put, fetch_increase_u64: fetch, delete_by_prefix: prefix} = response;
    if (get) return `Get(${key(get.key)}, ${this.record(get.value)})`;
    if (put) return `Put(${key(put.key)}, prev ${this.record(put.prev_value)}, cur ${this.record(put.current)})`;
    if (prefix) return `DeleteByPrefix(${quote(prefix.prefix ?? '')}, count=${prefix.count ?? 0})`;
    if (response.delete) {
      const {key: name, success = false, prev_value} = response.delete;
      return `Delete(${key(name)}, success=${success}, prev ${this.record(prev_value)})`;
    }
    if (!fetch) return '(no response)';
    return `FetchInc(${key(fetch.key)}, before_seq=${this.frame.fromServerSeq(fetch.before_seq ?? 0)}, ` +
      `before=${fetch.before ?? 0}, after_seq=${this.frame.fromServerSeq(fetch.after_seq)}, after=${fetch.after ?? 0})`;
  }
  responses(reply) {
    return `[${(reply.responses ?? []).map((one) => this.response(one)).join('; ')}]`;
  }
  reply(kind, reply) {
    switch (kind) {
      case 'UpsertKV': return `prev ${this.record(reply.prev)}, result ${this.record(reply.result)}`;
      case 'Txn': return `success=${reply.success ?? false}, path=${reply.execution_path}; ${this.responses(reply)}`;
      default: return `branch=${reply.executed_branch ?? 'absent'}; ${this.responses(reply)}`;
    }
  }
  event(event) {
    return `${key(event.key)}: ${this.record(event.prev)}→${this.record(event.current)}`;
  }
}

module.exports = {NEAR_T0, Printer, RequestParser, T0, parseState, quote, readTable, relativeTime};
