'use strict';
// Starts the real programs on free ports and ends only what it started.

const {execFile, spawn} = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const {Links} = require('./links');

const BIN = process.env.METASRV_BIN;
const PATIENCE_MS = 60_000; // how long anything may take on a busy machine before it counts as stuck

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Polls until `condition` gives something truthy, and gives that; throws naming `what` when it takes too long.
async function waitFor(what, condition, patience = PATIENCE_MS) {
  const deadline = Date.now() + patience;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > deadline) throw new Error(`still waiting after ${patience} ms: ${what}`);
    await pause(20);
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}

const handedOut = new Set();

// A port nobody listens on, below the range that the system gives to outgoing connections.
async function freePort() {
  for (;;) {
    const port = crypto.randomInt(12000, 32000);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
}

// One databend-meta process with its configuration and directory.
class Node {
  static async create(directory, id, {join = [], settings = '', raftSettings = '', advertise = true,
    advertiseHost = 'localhost'} = {}) {
    const node = new Node();
    node.id = id;
    node.directory = directory;
    [node.admin, node.grpc, node.raft] = [await freePort(), await freePort(), await freePort()];
    node.address = `127.0.0.1:${node.grpc}`;
    node.raftAddress = `127.0.0.1:${node.raft}`;
    node.log = path.join(directory, `meta${id}.log`);
    node.config = path.join(directory, `meta${id}.toml`);
    fs.writeFileSync(node.config, `
log_dir = "./_logs${id}"
admin_api_address = "127.0.0.1:${node.admin}"
grpc_api_address = "127.0.0.1:${node.grpc}"
${advertise ? 'grpc_api_advertise_host = "127.0.0.1"' : ''}
${settings}
[raft_config]
id = ${id}
raft_dir = "./_meta${id}"
raft_api_port = ${node.raft}
raft_listen_host = "127.0.0.1"
raft_advertise_host = "${advertiseHost}"
${join.length === 0 ? 'single = true' : `join = ${JSON.stringify(join)}`}
${raftSettings}
`);
    return node;
  }

  spawn() {
    const log = fs.openSync(this.log, 'a');
    this.process = spawn(path.join(BIN, 'databend-meta'), ['-c', this.config],
      {cwd: this.directory, stdio: ['ignore', log, log]});
    fs.closeSync(log);
    this.ended = new Promise((resolve) => this.process.once('exit', (code, signal) => resolve({code, signal})));
    return this;
  }

  output() {
    return fs.readFileSync(this.log, 'utf8');
  }

  alive() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async start() {
    this.spawn();
    await waitFor(`node ${this.id} to start`, () => {
      if (!this.alive()) throw new Error(`node ${this.id} ended:\n${this.output().slice(-4000)}`);
      return this.output().includes('Databend Metasrv started');
    });
    return this;
  }

  // Ends with SIGTERM; gives how it ended.
  async stop(signal = 'SIGTERM') {
    if (this.alive()) this.process.kill(signal);
    return this.ended;
  }
}

// A single node, or a cluster of several, in a temporary directory; with the option `links` those between its nodes can be cut.
class Cluster {
  static async start(size, options = {}) {
    const cluster = new Cluster();
    if (options.links) cluster.links = new Links();
    cluster.directory = fs.mkdtempSync(path.join(os.tmpdir(), 'metasrv-conformance-'));
    cluster.nodes = [];
    for (let id = 1; id <= size; ++id) {
      const join = cluster.nodes.map((node) => `localhost:${node.raft}`);
      const own = cluster.links ? Links.optionsOf(id) : {};
      const node = await Node.create(cluster.directory, id, {...options, ...own, join});
      cluster.nodes.push(node);
      await cluster.links?.add(node);
      await node.start();
    }
    return cluster;
  }

  // Ends every node; throws when one had died before or did not end as it should, since that is a crash.
  async stop() {
    const ends = [];
    this.links?.mend();
    for (const node of this.nodes) {
      const died = !node.alive();
      const {code, signal} = await node.stop();
      if (died || code !== 0) ends.push(`node ${node.id}: code ${code}, signal ${signal}\n${node.output().slice(-6000)}`);
    }
    this.links?.close();
    fs.rmSync(this.directory, {recursive: true, force: true});
    if (ends.length > 0) throw new Error(`processes did not end well:\n${ends.join('\n')}`);
  }
}

// Runs databend-metactl to its end: {code, stdout, stderr}.
function metactl(args, env = {}) {
  return new Promise((resolve) => {
    const options = {env: {...process.env, ...env}, timeout: PATIENCE_MS};
    execFile(path.join(BIN, 'databend-metactl'), args, options, (error, stdout, stderr) => {
      resolve({code: error ? error.code : 0, stdout, stderr});
    });
  });
}

// Asks a node's admin port.
async function adminGet(node, path) {
  const answer = await fetch(`http://127.0.0.1:${node.admin}${path}`);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.text();
}

module.exports = {Cluster, Node, adminGet, metactl, pause, waitFor};
