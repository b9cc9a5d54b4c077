'use strict';
// Calls on Node's own HTTP/2, for what a gRPC library does not show or does not let one do.

const http2 = require('node:http2');
const net = require('node:net');

const PATIENCE_MS = 30_000;
const HEADERS = {':method': 'POST', 'content-type': 'application/grpc', te: 'trailers'};

// One message in gRPC's framing.
function frame(payload, {compressed = 0, length = payload.length} = {}) {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, payload]);
}

// The messages in a body of frames; throws when it is cut short.
function unframe(body) {
  const messages = [];
  for (let at = 0; at < body.length;) {
    const length = body.readUInt32BE(at + 1);
    if (body.length < at + 5 + length) throw new Error('a message is cut short');
    messages.push(body.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  return messages;
}

// One connection.
class Connection {
  constructor(address, options = {}) {
    this.session = http2.connect(`http://${address}`, options);
    this.session.on('error', () => {});
    this.closed = new Promise((resolve) => this.session.once('close', resolve));
    this.remoteSettings = new Promise((resolve) => this.session.once('remoteSettings', resolve));
  }

  // Opens a stream; `headers` replace the usual ones.
  open(path, headers = {}) {
    const stream = this.session.request({...HEADERS, ':path': path, ...headers}, {endStream: false});
    return new Stream(stream);
  }

  // A whole call with one body.
  async call(path, body = frame(Buffer.alloc(0)), headers = {}) {
    const stream = this.open(path, headers);
    stream.end(body);
    return stream.done;
  }

  close() {
    this.session.destroy();
  }
}

// What came on one stream: `headers`, `isTrailersOnly`, `body`, `trailers`; `status` and `message` wherever they were.
class Stream {
  constructor(stream) {
    this.stream = stream;
    const chunks = [];
    const answer = {isTrailersOnly: false, body: Buffer.alloc(0), order: []};
    this.headers = new Promise((resolve) => {
      stream.on('response', (headers, flags) => {
        answer.headers = headers;
        answer.isTrailersOnly = (flags & 1) !== 0;
        answer.order.push('headers');
        resolve(headers);
      });
    });
    stream.on('data', (chunk) => {
      chunks.push(chunk);
      answer.order.push('data');
    });
    stream.on('trailers', (trailers) => { answer.trailers = trailers; });
    stream.on('error', (error) => { answer.error = error; });
    this.done = new Promise((resolve, reject) => {
      const stuck = setTimeout(() => reject(new Error(`the stream is stuck: ${JSON.stringify(answer)}`)), PATIENCE_MS);
      stream.once('close', () => {
        clearTimeout(stuck);
        const last = answer.trailers ?? answer.headers ?? {};
        answer.body = Buffer.concat(chunks);
        answer.status = last['grpc-status'] === undefined ? undefined : Number(last['grpc-status']);
        answer.message = decodeURIComponent(last['grpc-message'] ?? '');
        answer.reset = stream.rstCode;
        resolve(answer);
      });
    });
  }
  write(bytes) {
    this.stream.write(bytes);
  }
  end(bytes) {
    this.stream.end(bytes);
  }
  cancel() {
    this.stream.close(http2.constants.NGHTTP2_CANCEL);
  }
}

// Sends bytes that may not be HTTP at all; gives what came back until the other side closed, or `patience` ms passed.
function speak(address, bytes, patience = 500) {
  const [host, port] = address.split(':');
  return new Promise((resolve) => {
    const chunks = [];
    const socket = net.connect(Number(port), host, () => socket.write(bytes));
    const finish = () => {
      socket.destroy();
      resolve(Buffer.concat(chunks));
    };
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', finish);
    socket.on('close', finish);
    socket.setTimeout(patience, finish);
  });
}

module.exports = {Connection, frame, speak, unframe};
