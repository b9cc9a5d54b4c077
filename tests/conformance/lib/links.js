'use strict';
// The peers' network of a cluster, with a relay in front of each node's raft port, so that links can be cut and mended while
// the nodes themselves go on. A node listens on 127.0.0.1 and advertises another loopback address with the same port, which is
// its relay's. Who connects is found out from the system's tables: a relay sees only a port.

const fs = require('node:fs');
const net = require('node:net');

const relayHost = (id) => `127.0.0.${id + 1}`;

// The inode of the socket at the other end of a connection to `to`.
function socketOf(port, to) {
  const hex = (number) => number.toString(16).toUpperCase().padStart(4, '0');
  const tables = ['tcp', 'tcp6'].map((name) => fs.readFileSync(`/proc/net/${name}`, 'utf8'));
  for (const line of tables.join('').split('\n')) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
    if (local?.endsWith(`:${hex(port)}`) && remote.endsWith(`:${hex(to)}`)) return inode;
  }
  return undefined;
}

function owns(pid, inode) {
  const files = fs.readdirSync(`/proc/${pid}/fd`);
  return files.some((file) => {
    try {
      return fs.readlinkSync(`/proc/${pid}/fd/${file}`) === `socket:[${inode}]`;
    } catch {
      return false; // closed meanwhile
    }
  });
}

class Links {
  constructor() {
    this.nodes = [];
    this.relays = [];
    this.open = new Set(); // {from, to, sockets}
    this.broken = () => false;
  }

  // Options of Node.create for the node `id`.
  static optionsOf(id) {
    return {advertiseHost: relayHost(id)};
  }

  async add(node) {
    this.nodes.push(node);
    const relay = net.createServer((socket) => this.connect(socket, node));
    this.relays.push(relay);
    await new Promise((resolve, reject) => relay.once('error', reject).listen(node.raft, relayHost(node.id), resolve));
  }

  connect(incoming, to) {
    incoming.on('error', () => {});
    const inode = socketOf(incoming.remotePort, to.raft);
    const from = this.nodes.find((node) => node.alive() && owns(node.process.pid, inode));
    if (!from || this.broken(from, to)) return incoming.destroy();
    const outgoing = net.connect(to.raft, '127.0.0.1');
    outgoing.on('error', () => {});
    const link = {from, to, sockets: [incoming, outgoing]};
    this.open.add(link);
    for (const [one, other] of [[incoming, outgoing], [outgoing, incoming]]) {
      one.pipe(other);
      one.once('close', () => {
        other.destroy();
        this.open.delete(link);
      });
    }
  }

  // Breaks the links that `broken(from, to)` names, and mends all others.
  breakThose(broken) {
    this.broken = broken;
    for (const {from, to, sockets} of this.open) if (broken(from, to)) for (const socket of sockets) socket.destroy();
  }
  isolate(node) {
    this.breakThose((from, to) => from === node || to === node);
  }
  mend() {
    this.breakThose(() => false);
  }

  close() {
    this.breakThose(() => true);
    for (const relay of this.relays) relay.close();
  }
}

module.exports = {Links};
