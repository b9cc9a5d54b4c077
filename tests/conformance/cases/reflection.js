'use strict';
// grpc-api.md §1.1: reflection on the client port.

const assert = require('node:assert/strict');
const {after, before, test} = require('node:test');
const path = require('node:path');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');
const {FileDescriptorProto} = require('protobufjs/ext/descriptor');
const {Client, LOADING, PROTO, grpc} = require('../lib/client');
const {status} = grpc;

const {service} = grpc.loadPackageDefinition(loader.loadSync('reflection.proto', LOADING)).grpc.reflection.v1.ServerReflection;

module.exports = (world) => {
  let client;
  before(() => { client = new Client(world.node.address, {service}); });
  after(() => client.close());
  const ask = async (...requests) => {
    const {code, details, replies} = await client.call('ServerReflectionInfo', requests);
    assert.equal(code, status.OK, details);
    return replies;
  };

  test('1.1 reflection lists the services of the port', async () => {
    const [reply] = await ask({list_services: '', host: 'h'});
    assert.deepEqual(reply.list_services_response.service.map(({name}) => name),
      ['meta.MetaService', 'grpc.reflection.v1.ServerReflection']);
    assert.deepEqual([reply.valid_host, reply.original_request.host], ['h', 'h']);
  });
  for (const symbol of ['meta.MetaService', 'meta.MetaService.KvApi', 'meta.TxnRequest', 'meta.TxnCondition.ConditionResult']) {
    test(`1.1 reflection has the file of ${symbol}`, async () => {
      const [reply] = await ask({file_containing_symbol: symbol});
      const files = reply.file_descriptor_response.file_descriptor_proto;
      const root = protobuf.Root.fromDescriptor({file: files.map((file) => FileDescriptorProto.decode(file))});
      root.resolveAll();
      const own = new protobuf.Root().loadSync(path.join(PROTO, 'meta.proto'), {keepCase: true});
      assert.deepEqual(root.lookupType('meta.TxnPutRequest').fieldsArray.map(({name, id}) => [name, id]),
        own.lookupType('meta.TxnPutRequest').fieldsArray.map(({name, id}) => [name, id]));
    });
  }
  test('1.1 reflection has a file by its name', async () => {
    const [reply] = await ask({file_by_filename: 'meta.proto'});
    assert.equal(reply.file_descriptor_response.file_descriptor_proto.length, 1);
  });
  test('1.1 reflection answers every question of a stream, in order, also after an unknown name', async () => {
    const replies = await ask({file_containing_symbol: 'meta.Nothing'}, {all_extension_numbers_of_type: 'meta.Empty'},
      {file_containing_extension: {containing_type: 'meta.Empty', extension_number: 1}}, {file_by_filename: 'no.proto'}, {});
    const codes = replies.map((reply) => reply.error_response?.error_code ?? Object.keys(reply).pop());
    assert.deepEqual(codes, [status.NOT_FOUND, 'all_extension_numbers_response', status.NOT_FOUND, status.NOT_FOUND,
      status.INVALID_ARGUMENT]);
  });
  test('1.1 the peer port does not tell about itself', async () => {
    const peer = new Client(world.node.raftAddress, {service});
    const {code} = await peer.call('ServerReflectionInfo', [{list_services: ''}]);
    peer.close();
    assert.equal(code, status.UNIMPLEMENTED);
  });
};
