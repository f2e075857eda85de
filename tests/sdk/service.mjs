// The service that the tests speak to (started by test_sdk.py), and a wire to it that can be cut and muted.
import net from 'node:net';
import { once } from 'node:events';
import { login } from '../../api/web/sdk/dispatcher.js';

export const { SDK_URL: URL_OF_NODE, SDK_TENANT: TENANT, SDK_SECRET: SECRET } = process.env;

/** Log in with the tenant's secret. */
export async function token(user_id, ...roles) {
  const who = { tenant: TENANT, secret: SECRET, user_id, name: user_id, ...(roles.length && { roles }) };
  return (await login(URL_OF_NODE, who)).token;
}

let users = 0;
/** A user that no other test has. */
export const someone = (name) => `${name}-${process.pid}-${++users}`;

/** Wait until `holds()`, looked at whenever the client's state changes. */
export function until(client, holds) {
  return new Promise((done) => {
    const look = () => {
      const value = holds(client.state);
      if (value) (off(), done(value));
    };
    const off = client.on('state', look);
    look();
  });
}

/** Wait for the next event of that name. */
export const next = (client, event) => new Promise((done) => {
  const off = client.on(event, (data) => (off(), done(data)));
});

/** A wire to the node. */
export class Wire {
  static async open() {
    const wire = new Wire();
    wire.connections = new Set();
    wire.is_mute = false;
    wire.server = net.createServer((near) => wire.connect(near));
    await wire.listen();
    wire.url = `http://127.0.0.1:${wire.port}`;
    return wire;
  }

  /** Listen, at the same address as before. */
  async listen() {
    this.server.listen(this.port ?? 0, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
  }

  connect(near) {
    const { hostname, port } = new URL(URL_OF_NODE);
    const far = net.connect(Number(port), hostname);
    this.connections.add(near);
    near.on('data', (data) => far.write(data));
    far.on('data', (data) => {
      if (this.is_mute) this.on_muted?.();
      else near.write(data);
    });
    for (const [one, other] of [[near, far], [far, near]]) {
      one.on('error', () => {});
      one.on('close', () => (other.destroy(), this.connections.delete(near)));
    }
  }

  /** Let nothing of the node through; resolve when it has said something. */
  mute() {
    this.is_mute = true;
    return new Promise((done) => (this.on_muted = done));
  }

  /** Cut every connection; new ones are good again. */
  cut() {
    this.is_mute = false;
    for (const near of this.connections) near.destroy();
  }

  close() {
    this.server.close();
    this.cut();
  }
}
