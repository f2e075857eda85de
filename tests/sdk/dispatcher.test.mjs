// The SDK against a real node: commands, live state, and what it does when wires, sessions and tokens fail.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, DispatcherError, login } from '../../api/web/sdk/dispatcher.js';
import { next, SECRET, someone, TENANT, token, until, URL_OF_NODE, Wire } from './service.mjs';

const QUICK = { timeout_s: 10, backoff_s: 0.02 };
const open = new Set();

/** Connect, to be closed at the end. */
async function join(name, { roles = [], url = URL_OF_NODE, ...options } = {}) {
  const client = await connect(url, await token(name, ...roles), { ...QUICK, ...options });
  open.add(client);
  return client;
}

let boss;
before(async () => {
  boss = await join(someone('boss'), { roles: ['admin'] });
});
after(() => open.forEach((client) => client.close()));

/** Make a queue of the test's own. */
const queue = async (policy = {}) => (await boss.http.create_queue(policy)).queue_id;

const fails = (promise, code, errno) => assert.rejects(promise, (error) => {
  assert.ok(error instanceof DispatcherError, String(error));
  assert.deepEqual([error.code, error.errno], [code, errno]);
  return true;
});

test('a customer waits, is served, and leaves; both states follow', async () => {
  const queue_id = await queue();
  const customer = await join(someone('kim'));
  const contact = await customer.start_queuing({ queue_id, ext: 'order 7' });
  assert.equal(contact.position, 1);
  assert.equal(customer.state.contact.contact_id, contact.contact_id);

  const agent = await join(someone('anna'), { roles: ['agent'] });
  const offered = next(agent, 'assignment.offered');
  const served = await agent.start_service({ queue_id, priority: 3 });
  assert.deepEqual(served.queues, [{ queue_id, priority: 3 }]);
  assert.equal((await offered).contact.ext, 'order 7');
  const [assignment] = await until(agent, (state) => state.assignments.length && state.assignments);
  await until(customer, (state) => state.contact.state === 'preparing');

  assert.equal((await agent.accept({ assignment_id: assignment.assignment_id })).state, 'accepted');
  assert.equal(agent.state.assignments[0].state, 'accepted');
  await agent.start({ contact_id: contact.contact_id });
  await until(customer, (state) => state.contact.state === 'serving');
  assert.equal(agent.state.assignments[0].state, 'serving');

  const ended = next(customer, 'contact.ended');
  await agent.complete({ contact_id: contact.contact_id });
  assert.equal((await ended).reason, 'completed');
  assert.equal(customer.state.contact, null);
  await until(agent, (state) => state.assignments.length === 0 && state.agent.state === 'idle');
  await agent.stop_service({ queue_id });
  assert.deepEqual(agent.state.agent.queues, []);
});

test('an answered call begins the service in the state of both, and time is the server\'s', async () => {
  const queue_id = await queue();
  const customer = await join(someone('kim'));
  const agent = await join(someone('anna'), { roles: ['agent'] });
  await agent.start_service({ queue_id });
  await customer.start_queuing({ queue_id });
  await until(agent, (state) => state.assignments.length);
  const incoming = next(customer, 'call.incoming');
  await agent.call({ callee: customer.state.user.user_id });
  const { call_id } = await incoming;
  assert.equal(agent.state.assignments[0].state, 'accepted');
  await customer.accept_call({ call_id });
  const { assignments: [held], call } = await until(agent, (state) => state.call.state === 'answered' && state);
  assert.deepEqual([held.state, held.contact.state, held.deadline_at], ['serving', 'serving', null]);
  assert.equal(call.call_id, call_id);
  await until(customer, (state) => state.contact.state === 'serving');

  // A clock an hour slow, or fast, is set right by the next frame.
  const { now } = Date;
  for (const wrong_ms of [-3_600_000, 3_600_000]) {
    Date.now = () => now() + wrong_ms;
    try {
      const other = await join(someone('anna'), { roles: ['agent'] });
      await other.start_service({ queue_id });
      await until(other, () => Math.abs(other.now() - now()) < 60_000);
    } finally {
      Date.now = now;
    }
  }
  await agent.hangup({ call_id });
  await until(agent, (state) => !state.call && state.assignments.length === 0);
});

test('the log is followed over a lost connection, without a hole or a double, and a contact has its story', async () => {
  const queue_id = await queue();
  const wire = await Wire.open();
  const boss = await join(someone('boss'), { roles: ['supervisor'], url: wire.url, watch: true });
  const stop = new AbortController();
  const log = boss.http.events({ since: '0', types: 'contact', signal: stop.signal });
  const customers = await Promise.all(['kim', 'lee'].map((name) => join(someone(name))));
  const heard = [];
  const following = (async () => {
    for await (const { events } of log) {
      for (const { event, data } of events) if (data.queue_id === queue_id) heard.push(`${data.customer_id} ${event}`);
      heard.tell?.();
    }
  })();
  const until_heard = async (what) => {
    while (!heard.includes(what)) await new Promise((done) => (heard.tell = done));
  };
  const [kim, lee] = customers.map((one) => one.state.user.user_id);
  const contact = await customers[0].start_queuing({ queue_id });
  await until_heard(`${kim} contact.entered`);
  wire.cut();
  await customers[1].start_queuing({ queue_id });
  await customers[0].stop_queuing();
  await until_heard(`${kim} contact.ended`);
  assert.deepEqual(heard.filter((one) => /entered|ended/.test(one)),
    [`${kim} contact.entered`, `${lee} contact.entered`, `${kim} contact.ended`]);
  stop.abort();
  await following;

  const story = [];
  for await (const { events } of boss.http.events({ contact: contact.contact_id })) {
    story.push(...events.map(({ event }) => event));
    if (story.includes('contact.ended')) break;
  }
  assert.deepEqual([...new Set(story)], ['contact.entered', 'contact.left', 'contact.ended']);
  await fails(customers[1].http.events().next(), 'API_NO_PERMISSION', 23);
  wire.close();
});

test('errors are those of the closed set', async () => {
  const kim = await join(someone('kim'));
  await fails(kim.stop_queuing(), 'CONTACT_NOT_FOUND', 9008);
  await fails(kim.start_queuing({ queue_id: 'none' }), 'QUE_ID_INVALID', 400);
  await fails(kim.start_queuing({}), 'PARAM_ERR', 5);
  await fails(kim.http.create_queue({}), 'API_NO_PERMISSION', 23);
  await fails(boss.http.get_queue('none'), 'QUE_ID_INVALID', 400);
  await fails(login(URL_OF_NODE, { tenant: TENANT, secret: 'wrong', user_id: 'kim' }), 'TOKEN_AUTH_FAILED', 21);
});

test('a queue that is deleted while somebody is served there goes when he has left', async () => {
  const queue_id = await queue();
  const customer = await join(someone('kim'));
  const agent = await join(someone('anna'), { roles: ['agent'] });
  await agent.start_service({ queue_id });
  const { contact_id } = await customer.start_queuing({ queue_id });
  await until(agent, (state) => state.assignments.length);
  await agent.start({ contact_id });
  const watcher = await join(someone('sue'), { roles: ['supervisor'] });
  await watcher.watch_agents();
  const gone = new Promise((done) => watcher.on('queue.deleted', (queue) => queue.queue_id === queue_id && done()));
  // The answer is 202, which has no body.
  assert.equal(await boss.http.delete_queue(queue_id, { force: true }), null);
  assert.equal((await boss.http.get_queue(queue_id)).deleting, true);
  await agent.complete({ contact_id });
  // The next tick ends it.
  await gone;
  await fails(boss.http.get_queue(queue_id), 'QUE_ID_INVALID', 400);
});

test('a listener that fails keeps nobody else from hearing, and can be taken off', async (t) => {
  t.mock.method(console, 'error', () => {});
  const queue_id = await queue();
  const kim = await join(someone('kim'));
  const heard = [];
  kim.on('contact.entered', () => { throw new Error('a mistake of the page'); });
  kim.on('contact.entered', () => heard.push('one'));
  const off = kim.on('*', (_, event) => heard.push(event));
  const entered = next(kim, 'contact.entered');
  await kim.start_queuing({ queue_id });
  await entered;
  assert.equal(console.error.mock.callCount(), 1);
  assert.ok(heard.includes('one') && heard.includes('contact.entered'));
  off();
  const count = heard.length;
  const ended = next(kim, 'contact.ended');
  await kim.stop_queuing();
  await ended;
  assert.equal(heard.length, count);
});

test('a cut wire heals: the place is kept, and what was missed is told', async () => {
  const queue_id = await queue();
  const wire = await Wire.open();
  const kim = await join(someone('kim'), { url: wire.url });
  const contact = await kim.start_queuing({ queue_id });
  await kim.watch_queues({ queue_ids: [queue_id] });
  const seen = [];
  kim.on('connection', ({ connected }) => seen.push(connected));
  const back = next(kim, 'snapshot');
  wire.cut();
  await back;
  assert.equal(kim.state.contact.contact_id, contact.contact_id);
  await until(kim, (state) => state.contact.state === 'waiting');
  assert.deepEqual(seen.slice(0, 1), [false]);
  // What holds for one connection was asked for again.
  const status = next(kim, 'queue.status');
  const lee = await join(someone('lee'));
  await lee.start_queuing({ queue_id });
  assert.equal((await status).queue_id, queue_id);
  wire.close();
});

test('an answer that is lost on the way is asked for again, and nothing happens twice', async () => {
  const queue_id = await queue();
  const wire = await Wire.open();
  const kim = await join(someone('kim'), { url: wire.url });
  const muted = wire.mute();
  const asked = kim.start_queuing({ queue_id });
  await muted;
  wire.cut();
  const contact = await asked;
  assert.equal(contact.queue_id, queue_id);
  assert.equal(kim.state.contact.contact_id, contact.contact_id);
  const { items } = await boss.list_contacts({ queue_id });
  assert.deepEqual(items.map((item) => item.contact_id), [contact.contact_id]);
  wire.close();
});

test('a first answer that is repeated takes nothing back', async () => {
  const wire = await Wire.open();
  const queue_id = await queue({ offer_timeout: 1 });
  const customer = await join(someone('kim'));
  await customer.start_queuing({ queue_id });
  const agent = await join(someone('anna'), { roles: ['agent'], url: wire.url });
  await agent.set_dnd({ dnd: 1 });
  await agent.start_service({ queue_id });
  const missed = next(customer, 'contact.returned');
  const given = wire.mute();
  const asked = agent.request_assignment({});
  await given;
  await missed;
  wire.cut();
  assert.equal((await asked).state, 'offered');
  assert.deepEqual(agent.state.assignments, []);
  wire.close();
});

test('a snapshot that was asked for is the state', async () => {
  const name = someone('kim');
  const customer = await join(name);
  await customer.start_queuing({ queue_id: await queue() });
  for (const ask of [() => customer.me(), async () => customer.renew(await token(name))]) {
    // As if its frame had come while the node read the snapshot: then it is not sent.
    customer.live.snapshot = { ...customer.state, contact: null };
    const { contact } = await ask();
    assert.equal(customer.state.contact.contact_id, contact.contact_id);
  }
});

test('a POST whose answer is lost is repeated under its key, and nothing happens twice', async () => {
  const wire = await Wire.open();
  const name = someone('sales');
  const admin = await join(someone('root'), { roles: ['admin'], url: wire.url });
  const muted = wire.mute();
  const asked = admin.http.create_queue({ name });
  await muted;
  wire.cut();
  assert.equal((await asked).name, name);
  wire.close();
});

test('without reconnecting, a lost connection ends for good, and what was asked fails', async () => {
  const wire = await Wire.open();
  const kim = await join(someone('kim'), { url: wire.url, reconnect: false });
  const muted = wire.mute();
  const asked = fails(kim.ping(), 'OUTCOME_UNKNOWN', 9013);
  await muted;
  wire.cut();
  assert.equal((await kim.closed).code, 'UNAVAILABLE');
  await asked;
  await fails(kim.ping(), 'UNAVAILABLE', 9012);
  await fails(join(someone('lee'), { url: 'http://127.0.0.1:1', reconnect: false }), 'UNAVAILABLE', 9012);
  wire.close();
});

test('who closes while he hears that the connection is gone is not connected again', async () => {
  const wire = await Wire.open();
  const kim = await join(someone('kim'), { url: wire.url });
  let opened = 0;
  wire.server.on('connection', () => (opened += 1));
  kim.on('connection', () => kim.close());
  wire.cut();
  await kim.closed;
  await new Promise((done) => setTimeout(done, 100));
  assert.equal(opened, 0);
  wire.close();
});

test('a connection that falls silent is given up and made anew', async () => {
  const wire = await Wire.open();
  const kim = await join(someone('kim'), { url: wire.url, heartbeat_s: 0.1 });
  const gone = next(kim, 'connection');
  wire.mute();
  assert.deepEqual(await gone, { connected: false });
  const back = next(kim, 'connection');
  wire.is_mute = false;
  assert.deepEqual(await back, { connected: true });
  await kim.ping();
  wire.close();
});

// One try must not last until no answer to its hello is late.
test('a node that is not there is tried again soon', { timeout: 8000 }, async () => {
  const wire = await Wire.open();
  let tries = 0;
  let tell;
  const often = new Promise((done) => (tell = done));
  class Counted extends WebSocket {
    constructor(address) {
      super(address);
      if (++tries === 5) tell();
    }
  }
  const kim = await join(someone('kim'), { url: wire.url, WebSocket: Counted });
  wire.close();
  await often;
  const back = next(kim, 'snapshot');
  await wire.listen();
  await back;
  wire.close();
});

test('a newer session ends the older one for good', async () => {
  const name = someone('kim');
  const first = await join(name);
  const second = await join(name);
  const error = await first.closed;
  assert.deepEqual([error.code, error.errno], ['KICKOUT_BY_RELOGIN', 10]);
  await fails(first.ping(), 'KICKOUT_BY_RELOGIN', 10);
  await second.ping();
});

test('a token that is refused, and a node that is not there', async () => {
  await fails(connect(URL_OF_NODE, 'nonsense', QUICK), 'TOKEN_AUTH_FAILED', 21);
  await fails(connect('http://127.0.0.1:1', 'nonsense', { ...QUICK, timeout_s: 0.3 }), 'UNAVAILABLE', 9012);
});

test('closing fails what was asked and not answered', async () => {
  const wire = await Wire.open();
  const kim = await join(someone('kim'), { url: wire.url });
  wire.mute();
  const asked = kim.ping();
  kim.close();
  await fails(asked, 'OUTCOME_UNKNOWN', 9013);
  await fails(kim.ping(), 'UNAVAILABLE', 9012);
  wire.close();
});

test('a renewed token is used', async () => {
  const name = someone('kim');
  const kim = await join(name);
  const fresh = await token(name);
  assert.equal((await kim.renew(fresh)).user.user_id, name);
  await kim.ping();
});

test('changing commands go one at a time, in the order they were given', async () => {
  const queue_id = await queue();
  const kim = await join(someone('kim'));
  const [contact, left] = await Promise.all([kim.start_queuing({ queue_id }), kim.stop_queuing()]);
  assert.equal(left.contact_id, contact.contact_id);
  assert.equal(left.reason, 'abandoned');
});

test('every command of the server is a method', async () => {
  const document = await (await fetch(`${URL_OF_NODE}/asyncapi.json`)).json();
  const commands = Object.keys(document.operations).filter((name) => !['events', 'hello'].includes(name));
  const missing = commands.filter((name) => typeof boss[name] !== 'function');
  assert.deepEqual(missing, []);
});
