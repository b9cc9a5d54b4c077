'use strict';
// TLS, mutual TLS, a configured login, and limits (grpc-api.md §1.2, config-and-cli.md §2.1): what is off by default.

const assert = require('node:assert/strict');
const {execFileSync} = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const {after, before, describe, test} = require('node:test');
const tls = require('node:tls');
const {Client, MetaService, connect, grpc} = require('./lib/client');
const {Connection} = require('./lib/raw');
const {Cluster, Node, metactl, waitFor} = require('./lib/server');
const {status} = grpc;

// Authorities and certificates in a directory of their own.
class Certificates {
  constructor() {
    this.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'metasrv-tls-'));
  }
  file(name) {
    return path.join(this.directory, name);
  }
  read(name) {
    return fs.readFileSync(this.file(name));
  }
  run(...args) {
    execFileSync('openssl', args, {cwd: this.directory, stdio: 'pipe'});
  }
  authority(name) {
    this.run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`);
  }
  issue(name, authority) {
    fs.writeFileSync(this.file(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    this.run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', `/CN=${name}`,
      '-keyout', `${name}.key`, '-out', `${name}.csr`);
    this.run('x509', '-req', '-in', `${name}.csr`, '-CA', `${authority}.crt`, '-CAkey', `${authority}.key`, '-days', '2',
      '-CAcreateserial', '-extfile', `${name}.ext`, '-out', `${name}.crt`);
  }
  // What a client trusts and, for mutual TLS, shows.
  credentials(authority, name) {
    const [key, cert] = name ? [this.read(`${name}.key`), this.read(`${name}.crt`)] : [];
    return grpc.credentials.createSsl(this.read(`${authority}.crt`), key, cert);
  }
  remove() {
    fs.rmSync(this.directory, {recursive: true, force: true});
  }
}

// The code of a handshake.
async function tryHandshake(address, credentials) {
  const client = new Client(address, credentials ? {credentials} : {});
  const {code} = await client.call('Handshake', [client.handshakeRequest()], {deadlineMs: 3000});
  client.close();
  return code;
}

// The certificate and protocol that a server shows.
function shake(node, options) {
  return new Promise((resolve) => {
    const socket = tls.connect({host: '127.0.0.1', port: node.grpc, rejectUnauthorized: false, ...options}, () => {
      const {serialNumber} = socket.getPeerCertificate();
      resolve({serialNumber, protocol: socket.getProtocol(), alpn: socket.alpnProtocol});
      socket.destroy();
    });
    socket.once('error', (error) => resolve({error}));
  });
}

let certificates;
before(() => {
  certificates = new Certificates();
  certificates.authority('ca');
  certificates.authority('other');
  certificates.issue('server', 'ca');
  certificates.issue('client', 'ca');
  certificates.issue('stranger', 'other');
});
after(() => certificates.remove());

// Registers hooks for a single node with these settings; gives a function that gives the node.
function singleNode(settings) {
  let cluster;
  before(async () => { cluster = await Cluster.start(1, {settings: settings()}); });
  after(() => cluster?.stop());
  return () => cluster.nodes[0];
}

const tlsSettings = (cert, key) => `grpc_tls_server_cert = "${cert}"\ngrpc_tls_server_key = "${key}"\n`;
const tlsOf = (cert, key) => tlsSettings(certificates.file(cert), certificates.file(key));
const serverTls = () => tlsOf('server.crt', 'server.key');

describe('1.2 TLS on the client port', () => {
  const node = singleNode(serverTls);

  test('a client that trusts the authority is served', async () => {
    const client = await connect(node().address, {credentials: certificates.credentials('ca')});
    assert.equal((await client.put('tls', 'v')).code, status.OK);
    assert.match((await client.call('GetClientInfo')).reply.client_addr, /^127\.0\.0\.1:\d+$/);
    client.close();
  });
  test('a client without TLS is not served', async () => assert.equal(await tryHandshake(node().address), status.UNAVAILABLE));
  test('a client that trusts another authority does not connect', async () => {
    assert.equal(await tryHandshake(node().address, certificates.credentials('other')), status.UNAVAILABLE);
  });
  for (const version of ['TLSv1.2', 'TLSv1.3']) {
    test(`${version} is spoken, with h2`, async () => {
      const shaken = await shake(node(), {minVersion: version, maxVersion: version, ALPNProtocols: ['h2']});
      assert.deepEqual([shaken.protocol, shaken.alpn], [version, 'h2']);
    });
  }
  test('older protocols are refused', async () => {
    const options = {minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ALPNProtocols: ['h2'], ciphers: 'DEFAULT@SECLEVEL=0'};
    assert.ok((await shake(node(), options)).error);
  });
  test('databend-metactl connects with METACTL_TLS_CA', async () => {
    const args = ['get', '--grpc-api-address', `localhost:${node().grpc}`, '--key', 'tls'];
    const refused = await metactl(args);
    assert.notEqual(refused.code, 0);
    const {code, stdout, stderr} = await metactl(args, {METACTL_TLS_CA: certificates.file('ca.crt')});
    assert.equal(code, 0, stderr);
    assert.deepEqual(JSON.parse(stdout).data, [118]);
  });
  test('databend-metactl names a file that it can not read', async () => {
    const {code, stderr} = await metactl(['status', '--grpc-api-address', node().address], {METACTL_TLS_CA: '/no/such/ca.crt'});
    assert.equal(code, 1);
    assert.match(stderr, /\/no\/such\/ca\.crt/);
  });
  test('a replaced certificate counts without a restart', async () => {
    const {serialNumber: first} = await shake(node(), {ALPNProtocols: ['h2']});
    certificates.issue('renewed', 'ca');
    for (const kind of ['key', 'crt']) fs.copyFileSync(certificates.file(`renewed.${kind}`), certificates.file(`server.${kind}`));
    await waitFor('the new certificate', async () => {
      const {serialNumber} = await shake(node(), {ALPNProtocols: ['h2']});
      return serialNumber && serialNumber !== first;
    });
    assert.equal(await tryHandshake(node().address, certificates.credentials('ca')), status.OK);
  });
});

describe('mutual TLS on the client port', () => {
  const node = singleNode(() => `${serverTls()}grpc_tls_client_ca = "${certificates.file('ca.crt')}"\n`);

  test('a client with a certificate of the authority is served', async () => {
    assert.equal(await tryHandshake(node().address, certificates.credentials('ca', 'client')), status.OK);
  });
  test('a client without a certificate is not served', async () => {
    assert.equal(await tryHandshake(node().address, certificates.credentials('ca')), status.UNAVAILABLE);
  });
  test('a client with a certificate of another authority is not served', async () => {
    assert.equal(await tryHandshake(node().address, certificates.credentials('ca', 'stranger')), status.UNAVAILABLE);
  });
  test('databend-metactl shows METACTL_TLS_CERT', async () => {
    const env = {METACTL_TLS_CA: certificates.file('ca.crt'), METACTL_TLS_CERT: certificates.file('client.crt'),
      METACTL_TLS_KEY: certificates.file('client.key')};
    const {code, stderr} = await metactl(['status', '--grpc-api-address', `localhost:${node().grpc}`], env);
    assert.equal(code, 0, stderr);
  });
});

describe('configurations that can not work', () => {
  const cases = {
    'a certificate that is not there': [() => tlsSettings('/no/such.crt', '/no/such.key'), /\/no\/such\.crt/],
    'a certificate that is none': [() => tlsOf('server.key', 'server.key'), /holds no certificate/],
    'a key that is none': [() => tlsOf('server.crt', 'server.crt'), /holds no private key/],
    'a key of another certificate': [() => tlsOf('server.crt', 'client.key'), /does not belong to/],
    'an authority without TLS': [() => 'grpc_tls_client_ca = "ca.crt"\n', /grpc_tls_client_ca/],
    'a user without a password': [() => 'grpc_api_user = "admin"\n', /grpc_api_password/],
  };
  for (const [what, [settings, expected]] of Object.entries(cases)) {
    test(`${what} ends the start with an error that names it`, async () => {
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'metasrv-conformance-'));
      const node = await Node.create(directory, 1, {settings: settings()});
      const {code} = await node.spawn().ended;
      assert.equal(code, 1);
      assert.match(node.output(), expected);
      fs.rmSync(directory, {recursive: true});
    });
  }
});

describe('half of a TLS configuration is none', () => {
  const node = singleNode(() => `grpc_tls_server_cert = "${certificates.file('server.crt')}"\n`);
  test('clients without TLS are served', async () => assert.equal(await tryHandshake(node().address), status.OK));
});

describe('a configured login', () => {
  const node = singleNode(() => 'grpc_api_user = "admin"\ngrpc_api_password = "open sesame"\n');
  const login = (username, password) => {
    const client = new Client(node().address);
    return client.handshake({username, password}).finally(() => client.close());
  };

  test('the right user with the right password is let in', async () => {
    assert.equal((await login('admin', 'open sesame')).code, status.OK);
  });
  test('a wrong password is UNAUTHENTICATED', async () => {
    for (const password of ['', 'open', 'open sesame ', 'OPEN SESAME']) {
      const {code, details} = await login('admin', password);
      assert.deepEqual([code, details], [status.UNAUTHENTICATED, 'Wrong password of user: admin']);
    }
  });
  test('root is a user like any other', async () => {
    const {code, details} = await login('root', 'open sesame');
    assert.deepEqual([code, details], [status.UNAUTHENTICATED, 'Unknown user: root']);
  });
  for (const [name, method] of Object.entries(MetaService)) {
    if (name === 'Handshake') continue;
    test(`${name} needs a token`, async () => {
      const client = new Client(node().address);
      const {code, details} = await client.call(name, method.requestStream ? [] : {});
      client.close();
      assert.deepEqual([code, details], [status.UNAUTHENTICATED, 'Error auth-token-bin is empty']);
    });
  }
  test('databend-metactl logs in as METACTL_USERNAME with METACTL_PASSWORD', async () => {
    const args = ['status', '--grpc-api-address', node().address];
    assert.notEqual((await metactl(args)).code, 0);
    const {code, stderr} = await metactl(args, {METACTL_USERNAME: 'admin', METACTL_PASSWORD: 'open sesame'});
    assert.equal(code, 0, stderr);
  });
});

describe('watches that are switched off', () => {
  const node = singleNode(() => '[watch]\non = false\n');
  test('7.5 are UNAVAILABLE, so that clients go to another node', async () => {
    const client = await connect(node().address);
    const {code, details, headers} = await client.call('Watch', {key: 'k'});
    assert.deepEqual([code, headers], [status.UNAVAILABLE, undefined]);
    assert.match(details, /watch\.on/);
    assert.equal((await client.put('k', 'v')).code, status.OK);
    client.close();
  });
});

describe('limits', () => {
  const node = singleNode(() => `[grpc_limits]
key_bytes_max = 16
value_bytes_max = 100
txn_operations_max = 3
streams_per_connection_max = 7
[watch]
streams_per_connection_max = 3
streams_max = 5
`);
  let client;
  before(async () => { client = await connect(node().address); });
  after(() => client.close());
  const refused = async (result, limit) => {
    const {code, details, headers} = await result;
    assert.equal(code, status.INVALID_ARGUMENT);
    assert.match(details, new RegExp(`grpc_limits\\.${limit}`));
    assert.equal(headers, undefined, 'Trailers-Only');
  };
  const long = 'k'.repeat(17);
  const op = (key, size = 1) => ({put: {key, value: Buffer.alloc(size)}});

  test('what just fits is written', async () => {
    const {code, details} = await client.transaction([op('k'.repeat(16), 100), op('b'), op('c')]);
    assert.equal(code, status.OK, details);
  });
  test('a longer key is refused in every kind of write', async () => {
    await refused(client.put(long, 'v'), 'key_bytes_max');
    await refused(client.kvApi({key: long, seq: 'Any', value: {Update: [1]}}), 'key_bytes_max');
    await refused(client.call('KvTransaction', {branches: [{operations: [op(long)]}]}), 'key_bytes_max');
    await refused(client.transaction([{fetch_increase_u64: {key: long, delta: 1}}]), 'key_bytes_max');
    await refused(client.transaction([{put_sequential: {prefix: long, sequence_key: 'n'}}]), 'key_bytes_max');
    await refused(client.transaction([{put_sequential: {prefix: 'p', sequence_key: long}}]), 'key_bytes_max');
  });
  test('a larger value is refused in every kind of write', async () => {
    await refused(client.transaction([op('k', 101)]), 'value_bytes_max');
    await refused(client.kvApi({key: 'k', seq: 'Any', value: {Update: Array(101).fill(1)}}), 'value_bytes_max');
    await refused(client.call('KvTransaction', {branches: [{operations: [op('k', 101)]}]}), 'value_bytes_max');
  });
  test('more operations are refused, however they are spread', async () => {
    await refused(client.transaction(Array(4).fill(op('k'))), 'txn_operations_max');
    await refused(client.call('Transaction', {if_then: [op('k'), op('k')], else_then: [op('k'), op('k')]}), 'txn_operations_max');
    const branch = {operations: [op('k'), op('k')]};
    await refused(client.call('KvTransaction', {branches: [branch, branch]}), 'txn_operations_max');
  });
  test('reads and deletions of long keys are answered', async () => {
    assert.equal((await client.read({GetKV: {key: long}})).code, status.OK);
    assert.equal((await client.transaction([{delete: {key: long}}])).code, status.OK);
  });
  test('watches are limited on a connection and on the node, and room comes back', async () => {
    const others = await Promise.all([connect(node().address), connect(node().address)]);
    const open = async (on) => {
      const watch = on.begin('Watch', {key: 'k'});
      await watch.headers();
      return watch;
    };
    const tooMany = async (on, limit) => {
      const {code, details, headers} = await on.call('Watch', {key: 'k'});
      assert.deepEqual([code, headers], [status.RESOURCE_EXHAUSTED, undefined]);
      assert.ok(details.includes(limit), details);
    };
    const watches = [await open(client), await open(client), await open(client)];
    await tooMany(client, 'watch.streams_per_connection_max');
    watches.push(await open(others[0]), await open(others[0]));
    await tooMany(others[1], 'watch.streams_max');
    for (const watch of watches) watch.call.cancel();
    await waitFor('room for a watch', async () => {
      const watch = client.begin('Watch', {key: 'k'});
      const opened = await watch.headers().then(() => true, () => false);
      watch.call.cancel();
      return opened;
    });
    for (const other of others) other.close();
  });
  test('a connection is told how many streams it may have', async () => {
    const connection = new Connection(node().address);
    const settings = await connection.remoteSettings;
    connection.close();
    assert.equal(settings.maxConcurrentStreams, 7);
  });
});
