'use strict';
// Messages byte by byte, for what a well-behaved encoder would not send.

function varint(number) {
  const bytes = [];
  let rest = BigInt(number);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

// A length-delimited field: bytes, text, or an encoded message.
const field = (number, bytes) => Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
const text = (number, value) => field(number, Buffer.from(value));
const varintField = (number, value) => Buffer.concat([varint(number * 8), varint(value)]);

module.exports = {field, text, varint, varintField};
