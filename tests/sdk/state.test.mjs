// The live state when frames come in an order that a real node gives only now and then: the test says what comes.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { connect, DispatcherError } from '../../api/web/sdk/dispatcher.js';

/** A socket to a node of which the test is the mind. `sent` are the client's frames. */
class Scripted {
  constructor() {
    Scripted.last = this;
    this.sent = [];
    queueMicrotask(() => this.onopen());
  }

  send(text) {
    this.sent.push(JSON.parse(text));
    this.waiting?.();
  }

  /** The client's next frame that is this command. */
  async frame(cmd) {
    for (;;) {
      const index = this.sent.findIndex((frame) => frame.cmd === cmd);
      if (index >= 0) return this.sent.splice(index, 1)[0];
      await new Promise((done) => (this.waiting = done));
    }
  }

  say(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }

  answer({ id }, result) {
    this.say({ id, ok: true, result });
  }

  refuse({ id }, code, errno) {
    this.say({ id, ok: false, error: { code, errno, detail: 'as the test says' } });
  }

  events(...events) {
    this.say({ events: events.map(([event, data]) => ({ event, data })), at: Date.now() });
  }

  close() {}

  /** The node ends the connection. */
  end(code, reason = '') {
    this.onclose({ code, reason });
  }
}

const snapshot = (members = {}) => (
  { user: { user_id: 'ann', name: 'Ann', roles: ['agent'] }, assignments: [], offset: 0, epoch: 'e', ...members }
);
const CONTACT = '1763824800123-0007';
const contact = (state, members = {}) => ({
  contact_id: CONTACT, customer_id: 'bob', name: 'Bob', queue_id: '1', state, position: null, queued_at: 1763824800123,
  queuing_time_s: 0, ext: '', ...members,
});
const assignment = (state) => ({
  assignment_id: `${CONTACT}-1`, state, agent_id: 'ann', contact: contact('preparing'), deadline_at: 1, requested: false,
});
const call = (state, members = {}) => ({
  call_id: '1763824801000-0000', caller_id: 'ann', callee_id: 'bob', state, meeting: null, ext: '', started_at: 1,
  contact_id: CONTACT, ...members,
});

const open = new Set();
afterEach(() => open.forEach((client) => client.close()));

/** Connect, standing there; answers the client and the node's end. */
async function meet(members, options = {}) {
  const connecting = connect('http://node', 'a token', { WebSocket: Scripted, backoff_s: 0.001, ...options });
  await greet(members);
  const client = await connecting;
  open.add(client);
  return [client, Scripted.last];
}

async function greet(members) {
  await null;
  const node = Scripted.last;
  node.answer(await node.frame('hello'), snapshot(members));
  return node;
}

/** Collect the names of what the client tells. */
function heard(client) {
  const names = [];
  client.on('*', (_, event) => names.push(event));
  return names;
}

/** End the node's connection, and greet the next one with a new snapshot. */
async function come_back(client, node, members) {
  node.end(1006);
  while (Scripted.last === node) await new Promise((done) => setImmediate(done));
  await greet(members);
}

test('the answer to a call that comes after its acceptance does not make it ring again', async () => {
  const [ann, node] = await meet({ assignments: [assignment('accepted')] });
  const calling = ann.call({ callee: 'bob', ext: 'come in' });
  const frame = await node.frame('call');
  node.events(['call.accepted', call('answered', { ext: 'here I am', meeting: 7 })]);
  assert.equal(ann.state.assignments[0].state, 'serving');
  node.answer(frame, call('ringing', { ext: 'come in' }));
  await calling;
  assert.deepEqual([ann.state.call.state, ann.state.call.meeting], ['answered', 7]);
});

test('a call that rings again by a late event stays answered, and keeps what its caller said', async () => {
  const theirs = { caller_id: 'bob', callee_id: 'ann' };
  const [ann, node] = await meet();
  node.events(['call.incoming', call('ringing', { ...theirs, ext: 'hello' })]);
  const accepting = ann.accept_call({ call_id: call('ringing').call_id });
  node.answer(await node.frame('accept_call'), call('answered', { ...theirs, ext: 'hi', meeting: 1 }));
  await accepting;
  node.events(['call.incoming', call('ringing', { ...theirs, ext: 'hello' })]);
  const { state, ext, meeting } = ann.state.call;
  assert.deepEqual([state, ext, meeting], ['answered', 'hello', 1]);
});

test('the callee is not told of his own acceptance by a snapshot; the caller is, also of a call he did not know', async () => {
  const theirs = { caller_id: 'bob', callee_id: 'ann' };
  const [callee, node] = await meet({ call: call('ringing', theirs) });
  const names = heard(callee);
  await come_back(callee, node, { call: call('answered', theirs) });
  assert.ok(!names.includes('call.accepted'), String(names));

  const [caller, other] = await meet({});
  const told = heard(caller);
  await come_back(caller, other, { call: call('answered') });
  assert.ok(told.includes('call.accepted'), String(told));
});

test('a newer call in the place of an older one is told as an end and a beginning, without the words of the older', async () => {
  const theirs = { caller_id: 'bob', callee_id: 'ann' };
  const [ann, node] = await meet({ call: call('answered', { ...theirs, ext: 'the first' }) });
  const told = [];
  ann.on('*', (data, event) => event.startsWith('call.') && told.push([event, data.call_id, data.ext]));
  await come_back(ann, node, { call: call('ringing', { ...theirs, call_id: '1763824809000-0000', ext: 'the second' }) });
  assert.deepEqual(told, [
    ['call.ended', '1763824801000-0000', ''],
    ['call.incoming', '1763824809000-0000', 'the second'],
  ]);
});

// The node sends no frame any more that such a snapshot covers.
for (const [name, ask] of [['me', (one) => one.me()], ['renew', (one) => one.renew('a newer token')]]) {
  test(`what the answer to ${name} covers is known and told, before what comes behind it`, async () => {
    const [ann, node] = await meet();
    const names = heard(ann);
    const asking = ask(ann);
    const frame = await node.frame(name === 'me' ? 'me' : 'hello');
    node.answer(frame, snapshot({ offset: 3, assignments: [assignment('offered')] }));
    node.say({ events: [{ event: 'assignment.cancelled', data: assignment('cancelled') }], offset: 4, epoch: 'e', at: 1 });
    assert.deepEqual((await asking).assignments.length, 1);
    assert.deepEqual([ann.state.offset, ann.state.assignments], [4, []]);
    assert.deepEqual(names.filter((one) => one !== 'state'), ['snapshot', 'assignment.offered', 'assignment.cancelled']);
  });
}

const agent = (members = {}) => ({
  agent_id: 'ann', name: 'Ann', state: 'busy', since_at: 1, dnd: 0, queues: [{ queue_id: '1', priority: 0 }], load: 0,
  capacity: 2, contacts: [], ...members,
});

// A supervisor is quick, or a queue is deleted: the answer was made before what its agent hears first.
test('an answer that is older than what was told of the agent takes nothing of it back', async () => {
  const [ann, node] = await meet({ agent: agent() });
  const starting = ann.start_service({ queue_id: '2' });
  const frame = await node.frame('start_service');
  const service = (queue_id, serving) => ['agent.service', { agent_id: 'ann', queue_id, serving, priority: 0 }];
  node.events(service('2', true), service('2', false), service('3', true));
  node.answer(frame, agent({ queues: ['1', '2'].map((queue_id) => ({ queue_id, priority: 0 })) }));
  await starting;
  assert.deepEqual(ann.state.agent.queues.map((one) => one.queue_id), ['1', '3']);

  const setting = ann.set_dnd({ dnd: 0 });
  const { queues, contacts, ...told } = agent({ dnd: 1, dnd_reason: 'forced' });
  const asked = await node.frame('set_dnd');
  node.events(['agent.changed', { ...told, old_state: 'busy', cause: 'set_dnd' }]);
  node.answer(asked, agent({ queues: ann.state.agent.queues }));
  await setting;
  assert.deepEqual([ann.state.agent.dnd, ann.state.agent.dnd_reason], [1, 'forced']);

  const stopping = ann.stop_service({ queue_id: '3' });
  node.answer(await node.frame('stop_service'), agent({ dnd: 1, dnd_reason: 'forced' }));
  await stopping;
  assert.deepEqual(ann.state.agent.queues.map((one) => one.queue_id), ['1']);
});

test('a call that rings stops the clock of the offer', async () => {
  const [ann, node] = await meet({ assignments: [assignment('offered')] });
  const calling = ann.call({ callee: 'bob' });
  node.answer(await node.frame('call'), call('ringing'));
  await calling;
  const [held] = ann.state.assignments;
  assert.deepEqual([held.state, held.deadline_at, held.contact.state], ['accepted', null, 'preparing']);
});

test('a token that is not taken leaves the one that was', async () => {
  const [ann, node] = await meet();
  const renewing = ann.renew('nonsense');
  node.refuse(await node.frame('hello'), 'TOKEN_AUTH_FAILED', 21);
  await assert.rejects(renewing, (error) => error instanceof DispatcherError && error.errno === 21);
  assert.equal(ann.token, 'a token');
  node.end(1006);
  while (Scripted.last === node) await new Promise((done) => setImmediate(done));
  await null;
  assert.equal((await Scripted.last.frame('hello')).args.token, 'a token');
});

test("the server's time is told by frames, whatever the clock here says or does", async () => {
  const { now } = Date;
  try {
    for (const wrong_ms of [3_600_000, -3_600_000]) {
      const right = now();
      Date.now = () => now() + wrong_ms;
      const [ann, node] = await meet();
      node.say({ events: [], at: right });
      // The clock is set while the page is open.
      Date.now = () => now() + 2 * wrong_ms;
      node.say({ events: [], at: right - 5000 });
      assert.ok(Math.abs(ann.now() - now()) < 2000, `${ann.now() - now()} ms off`);
        }
  } finally {
    Date.now = now;
  }
});

test('a supervisor begins to serve for an agent', async () => {
  const [ann, node] = await meet({ assignments: [assignment('offered')] });
  const { contact: served } = assignment('offered');
  node.events(['contact.serving', { ...served, state: 'serving' }]);
  const [held] = ann.state.assignments;
  assert.deepEqual([held.state, held.contact.state, held.deadline_at], ['serving', 'serving', null]);
  assert.ok(!ann.state.contact, "it is another's contact");
});
