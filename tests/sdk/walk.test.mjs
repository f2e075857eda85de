// Whatever people do, in any order: the live state is soon what the server says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, DispatcherError } from '../../api/web/sdk/dispatcher.js';
import { next, someone, token, URL_OF_NODE } from './service.mjs';

const STEPS = Number(process.env.WALK_STEPS ?? 120);
const SEED = Number(process.env.WALK_SEED ?? 8);

/** Numbers from 0 to 1, the same for a seed (mulberry32). */
function chance_of(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** What must be equal: positions and waiting times come by events of their own, now and then. */
function told({ contact, agent, assignments, call }) {
  const of = (one) => one && { ...one, position: undefined, queuing_time_s: undefined, agent_id: undefined, reason: undefined };
  const held = assignments.map((one) => ({ ...one, contact: of(one.contact) }));
  const by_id = (one, other) => (one.queue_id < other.queue_id ? -1 : 1);
  const served = agent && { ...agent, queues: [...agent.queues].sort(by_id), dnd_reason: agent.dnd_reason ?? null };
  return JSON.parse(JSON.stringify({
    contact: of(contact) ?? null,
    // Who serves nothing any more is no agent to the server.
    agent: served && (served.queues.length || served.load || served.dnd) ? served : null,
    assignments: held.map((one) => ({ ...one, reason: undefined, deadline_at: one.deadline_at ?? null })),
    call: call ? { ...call, reason: undefined } : null,
  }));
}

/** Wait until a client knows what the server says; events may be on their way. */
async function agrees(client, after) {
  for (let tries = 0; ; tries++) {
    // Over HTTP: the answer to the command `me` would be taken for the state.
    const said = told(await client.http.request('GET', '/v1/me'));
    try {
      return assert.deepEqual(told(client.state), said, `${client.state.user.user_id}, seed ${SEED}: ${after}`);
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((done) => setTimeout(done, 10));
    }
  }
}

test('after any commands the live state is what the server says', async () => {
  const chance = chance_of(SEED);
  const any = (choices) => choices[Math.floor(chance() * choices.length)];
  const boss = await connect(URL_OF_NODE, await token(someone('boss'), 'admin'));
  const queues = [];
  for (const priority of [5, 5]) {
    const policy = { priority, reject_cooldown: 1, wrap_up: any([0, 1]) };
    queues.push((await boss.http.create_queue(policy)).queue_id);
  }
  const people = { agents: [], customers: [] };
  for (const name of ['anna', 'boris']) people.agents.push(await connect(URL_OF_NODE, await token(someone(name), 'agent')));
  for (const name of ['kim', 'lee', 'mia']) people.customers.push(await connect(URL_OF_NODE, await token(someone(name))));

  const given = (agent) => any(agent.state.assignments) ?? { assignment_id: '0-0-1', contact: { contact_id: '0-0' } };
  const call_of = (one) => ({ call_id: one.state.call?.call_id ?? '1763824800123-0000' });
  const agents = {
    start_service: (one) => one.start_service({ queue_id: any(queues), priority: any([0, 3]) }),
    serve_all: (one) => one.start_service({ queues: queues.map((queue_id) => ({ queue_id, priority: 1 })) }),
    stop_service: (one) => one.stop_service({ queue_id: any(queues) }),
    set_dnd: (one) => one.set_dnd({ dnd: any([0, 0, 1]), reason: 'lunch' }),
    request: (one) => one.request_assignment(any([{}, { queue_id: any(queues) }])),
    accept: (one) => one.accept({ assignment_id: given(one).assignment_id }),
    reject: (one) => one.reject({ assignment_id: given(one).assignment_id }),
    start: (one) => one.start({ contact_id: given(one).contact.contact_id }),
    complete: (one) => one.complete({ contact_id: given(one).contact.contact_id }),
    transfer: (one) => one.transfer({ contact_id: given(one).contact.contact_id, queue_id: any(queues) }),
    call: (one) => one.call({ callee: given(one).contact.customer_id ?? 'nobody', meeting: { room: 1 }, ext: 'come in' }),
    hangup: (one) => one.hangup({ ...call_of(one), ext: 'bye' }),
  };
  const customers = {
    start_queuing: (one) => one.start_queuing({ queue_id: any(queues), ext: 'order 7' }),
    stop_queuing: (one) => one.stop_queuing(),
    accept_call: (one) => one.accept_call({ ...call_of(one), ext: 'yes', meeting: any([undefined, { room: 2 }]) }),
    reject_call: (one) => one.reject_call({ ...call_of(one), ext: 'no' }),
    hangup: (one) => one.hangup(call_of(one)),
  };
  /** Mostly one does what can be done; now and then something else, which is refused. */
  const sensible = {
    accept: ({ assignments: [one] }) => one?.state === 'offered',
    reject: ({ assignments: [one], call }) => one && one.state !== 'serving' && !call && chance() < 0.3,
    start: ({ assignments: [one], call }) => one && one.state !== 'serving' && !call,
    complete: ({ assignments: [one] }) => one?.state === 'serving',
    transfer: ({ assignments: [one] }) => one?.state === 'serving',
    call: ({ assignments: [one], call }) => one && one.state !== 'serving' && !call,
    request: ({ agent, assignments }) => agent?.dnd && !assignments.length,
    hangup: ({ call }) => call && chance() < 0.5,
    accept_call: ({ call, user }) => call?.state === 'ringing' && call.callee_id === user.user_id,
    reject_call: ({ call, user }) => call?.state === 'ringing' && call.callee_id === user.user_id && chance() < 0.5,
    start_queuing: ({ contact }) => !contact,
    stop_queuing: ({ contact }) => contact && chance() < 0.2,
    stop_service: ({ agent }) => agent?.queues.length && chance() < 0.3,
    start_service: ({ agent }) => !agent || agent.queues.length < 2,
    set_dnd: () => chance() < 0.4,
    serve_all: () => chance() < 0.2,
  };
  const choose = (acts, one) => {
    const names = Object.keys(acts).filter((name) => sensible[name](one.state));
    return chance() < 0.9 && names.length ? any(names) : any(Object.keys(acts));
  };

  /** A wire that breaks comes back to a snapshot. */
  const drop = async (one) => {
    const back = next(one, 'snapshot');
    one.link.down(1006, 'the test');
    await back;
  };
  const everybody = [...people.agents, ...people.customers];
  const done = {};
  try {
    for (let step = 0; step < STEPS; step++) {
      const is_agent = chance() < 0.6;
      const [acts, one] = is_agent ? [agents, any(people.agents)] : [customers, any(people.customers)];
      const name = chance() < 0.03 ? 'drop' : choose(acts, one);
      try {
        await (name === 'drop' ? drop : acts[name])(one);
        done[name] = (done[name] ?? 0) + 1;
      } catch (error) {
        if (!(error instanceof DispatcherError)) throw error;
      }
      for (const each of everybody) await agrees(each, `step ${step}, ${name} of ${one.state.user.user_id}`);
    }
    assert.ok(Object.keys(done).length > 10, `a walk on which little works shows little: ${JSON.stringify(done)}`);
  } finally {
    for (const one of [boss, ...everybody]) one.close();
  }
});
