'use strict';
// A client of the meta service on top of @grpc/grpc-js. Every call ends in a `Result`, whatever its kind and whether it failed.

const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const {text} = require('./protobuf');

const PROTO = path.join(__dirname, '../../../src/proto');
// 64-bit numbers as text; what is not on the wire is absent.
const LOADING = {keepCase: true, longs: String, enums: String, bytes: Buffer, includeDirs: [PROTO]};

const PACKAGE = grpc.loadPackageDefinition(loader.loadSync('meta.proto', LOADING)).meta;
const MetaService = PACKAGE.MetaService.service;
const RaftService = PACKAGE.RaftService.service;

const HINT = 'x-databend-meta-leader-grpc-endpoint';
const TOKEN = 'auth-token-bin';
const CLIENT_VERSION = '260304000000';
const CALL_MS = 60_000;

// The payload of a handshake: user and password are the fields 2 and 3 (§2.3).
const basicAuth = (username, password) => Buffer.concat([text(2, username), text(3, password)]);

// What became of a call: `code` and `details`, `replies` in order, `headers` (undefined for a Trailers-Only response), `trailers`.
class Result {
  replies = [];
  headers = undefined;

  get reply() {
    return this.replies[0];
  }
  get headerHint() {
    return this.headers?.get(HINT)[0];
  }
  get trailerHint() {
    return this.trailers.get(HINT)[0];
  }
}

// A call that is going on: `call` is grpc-js's, `done` the promise of its Result, which is filled in as things arrive.
class Running {
  constructor(call, result) {
    this.call = call;
    this.result = result;
    this.waiting = [];
    call.on('metadata', (headers) => this.happened(() => { result.headers = headers; }));
    this.done = new Promise((resolve) => {
      call.on('status', (status) => this.happened(() => {
        Object.assign(result, {code: status.code, details: status.details, trailers: status.metadata});
        resolve(result);
      }));
    });
    if (call.on && call.readable !== undefined) {
      call.on('data', (reply) => this.happened(() => result.replies.push(reply)));
      call.on('error', () => {}); // its status says it all
    }
  }

  happened(change) {
    change();
    this.waiting = this.waiting.filter(({condition, resolve}) => !(condition(this.result) && (resolve(this.result), true)));
  }

  // Waits until `condition` of the result holds, or fails when the call ends before.
  until(condition) {
    if (condition(this.result)) return Promise.resolve(this.result);
    return new Promise((resolve, reject) => {
      this.waiting.push({condition, resolve});
      this.done.then((result) => reject(new Error(`ended before: ${result.code} ${result.details}`)));
    });
  }
  headers() {
    return this.until((result) => result.headers !== undefined);
  }
  replies(count) {
    return this.until((result) => result.replies.length >= count);
  }
}

class Client {
  constructor(address, {service = MetaService, credentials = grpc.credentials.createInsecure(), options = {}} = {}) {
    const limits = {'grpc.max_receive_message_length': -1, 'grpc.max_send_message_length': -1,
      'grpc.use_local_subchannel_pool': 1};
    this.service = service;
    this.client = new grpc.Client(address, credentials, {...limits, ...options});
    this.token = undefined;
  }

  close() {
    this.client.close();
  }

  metadata(extra = {}) {
    const metadata = new grpc.Metadata();
    if (this.token) metadata.set(TOKEN, this.token);
    for (const [key, value] of Object.entries(extra)) {
      metadata.remove(key);
      for (const one of [value].flat()) if (one !== undefined) metadata.add(key, one);
    }
    return metadata;
  }

  // Begins a call. Streams of requests stay open unless `requests` are given.
  begin(name, requests, {metadata = {}, deadlineMs = CALL_MS, rawRequest = false, rawReply = false} = {}) {
    const method = this.service[name];
    const out = rawRequest ? (bytes) => bytes : method.requestSerialize;
    const back = rawReply ? (bytes) => bytes : method.responseDeserialize;
    const headers = this.metadata(metadata);
    const options = {deadline: Date.now() + deadlineMs};
    const result = new Result();
    const done = (error, reply) => { if (!error) result.replies.push(reply); };
    const kinds = {
      unary: () => this.client.makeUnaryRequest(method.path, out, back, requests, headers, options, done),
      server: () => this.client.makeServerStreamRequest(method.path, out, back, requests, headers, options),
      client: () => this.client.makeClientStreamRequest(method.path, out, back, headers, options, done),
      bidi: () => this.client.makeBidiStreamRequest(method.path, out, back, headers, options),
    };
    const call = method.requestStream ? (method.responseStream ? kinds.bidi() : kinds.client())
      : (method.responseStream ? kinds.server() : kinds.unary());
    const running = new Running(call, result);
    if (method.requestStream && requests !== undefined) {
      for (const request of requests) call.write(request);
      call.end();
    }
    return running;
  }

  // A whole call; `requests` is a list for streams of requests.
  call(name, requests = {}, options = {}) {
    return this.begin(name, requests, options).done;
  }

  handshakeRequest({version = CLIENT_VERSION, username = 'root', password = 'xxx', payload} = {}) {
    return {protocol_version: version, payload: payload ?? basicAuth(username, password)};
  }

  handshake(what) {
    return this.call('Handshake', [this.handshakeRequest(what)], {metadata: {[TOKEN]: undefined}});
  }

  // Keeps the token for all later calls.
  async login(what) {
    const result = await this.handshake(what);
    if (result.code !== grpc.status.OK) throw new Error(`handshake: ${result.code} ${result.details}`);
    this.token = result.reply.payload;
    return this;
  }

  kvApi(upsert, options) {
    return this.call('KvApi', {data: JSON.stringify({UpsertKV: upsert})}, options);
  }
  read(request, options) {
    return this.call('KvReadV1', {data: JSON.stringify(request)}, options);
  }
  transaction(ops, options) {
    return this.call('Transaction', {if_then: ops}, options);
  }
  put(key, value, options) {
    return this.transaction([{put: {key, value: Buffer.from(value)}}], options);
  }
}

async function connect(address, options) {
  return new Client(address, options).login();
}

module.exports = {Client, CLIENT_VERSION, HINT, LOADING, MetaService, PACKAGE, PROTO, RaftService, TOKEN, basicAuth, connect, grpc};
