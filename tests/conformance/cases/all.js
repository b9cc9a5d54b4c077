'use strict';
// Every group of cases that runs against a node as it is configured by default, by the section it checks.

module.exports = {
  'grpc-api 1 transport': require('./transport'),
  'grpc-api 1.1 reflection': require('./reflection'),
  'grpc-api 2 messages': require('./messages'),
  'grpc-api 4 handshake and tokens': require('./handshake'),
  'grpc-api 3 and 6 calls and reads': require('./calls'),
  'grpc-api 5 JSON': require('./json'),
  'grpc-api 7 watch': require('./watch'),
  'grpc-api 8 status and membership': require('./status'),
  'grpc-api 9 the peer port': require('./raft'),
  'grpc-api 10 and 11 clients of all generations': require('./compat'),
  'kv-semantics 15 worked examples': require('./examples'),
  'kv-semantics 15 exact instants': require('./instants'),
};
