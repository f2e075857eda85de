// @ts-check
/**
 * The dispatcher's SDK: a module without dependencies, for browsers and for Node.
 *
 *     const d = await connect('https://acd.example', token);
 *     d.on('contact.matched', (contact) => …);
 *     await d.start_queuing({ queue_id: 'sales', ext: 'order 7' });
 *     d.state.contact.position;
 *
 * Every command of the WebSocket is a method with the command's name and its arguments as one object; it answers a
 * promise of the result, or fails with a `DispatcherError`. `d.http` has the other rows of the HTTP table. `d.state` is
 * the live snapshot. The connection reconnects by itself and repeats what was not answered, under the same id.
 *
 * @typedef {import('./types.js').Agent} Agent
 * @typedef {import('./types.js').Assignment} Assignment
 * @typedef {import('./types.js').Call} Call
 * @typedef {import('./types.js').Contact} Contact
 * @typedef {import('./types.js').Entry} Entry
 * @typedef {import('./types.js').Options} Options
 * @typedef {import('./types.js').Queue} Queue
 * @typedef {import('./types.js').QueueStatus} QueueStatus
 * @typedef {import('./types.js').Service} Service
 * @typedef {import('./types.js').Snapshot} Snapshot
 * @typedef {{ limit?: number, cursor?: string }} Part
 * @typedef {{ event: string, data: any }} Event
 * @typedef {{ id: number, cmd: string, args: object, sent: boolean, repeated?: boolean, done: Function, fail: Function }} Request
 */
/** Ids of commands are higher, so that ids rise on every connection, repeated ones included. */
const HELLO_ID = 1;
const HELLO_TIMEOUT_S = 10;
const BACKOFF_S_MAX = 8;
const REPEATS_MAX = 5;

const ERRNO = {
  PARAM_ERR: 5, SERVER_EXCEPTION: 8, KICKOUT_BY_RELOGIN: 10, NOT_LOGIN: 12, TOKEN_TIMEOUT: 18, API_NO_PERMISSION: 23,
  UNAVAILABLE: 9012, OUTCOME_UNKNOWN: 9013,
};
/** After these no new connection is made. After every other one (4412: the node drains) it is. */
const FINAL_CLOSE = /** @type {Record<number, keyof typeof ERRNO>} */ ({
  4400: 'PARAM_ERR', 4401: 'NOT_LOGIN', 4403: 'API_NO_PERMISSION', 4410: 'KICKOUT_BY_RELOGIN',
});
/** Answers to a hello that may be another one the next time. */
const PASSING = new Set(['UNAVAILABLE', 'OUTCOME_UNKNOWN', 'RATE_LIMITED', 'SERVER_EXCEPTION']);

/** Commands that change something are carried out once under their id, one at a time. */
const CHANGING = new Set([
  'start_service', 'stop_service', 'set_dnd', 'start_queuing', 'stop_queuing', 'request_assignment', 'accept', 'reject',
  'start', 'complete', 'transfer', 'call', 'accept_call', 'reject_call', 'hangup', 'send_cmd',
]);
/** Commands whose answer is a snapshot. */
const SNAPSHOTS = new Set(['hello', 'me']);
/** These hold for one connection, so they are given again on the next one; the last of each name counts. */
const STANDING = new Set(['watch_queues', 'watch_agents', 'watch_users']);

/** An error of the closed set: `code` is its name, `errno` its number. */
export class DispatcherError extends Error {
  /** @param {string} code @param {number} errno @param {string} [detail] */
  constructor(code, errno, detail = '') {
    super(detail ? `${code}: ${detail}` : code);
    this.name = 'DispatcherError';
    this.code = code;
    this.errno = errno;
    this.detail = detail;
  }
}

/** @param {keyof typeof ERRNO} code @param {string} [detail] */
const failure = (code, detail) => new DispatcherError(code, ERRNO[code], detail);

/** @param {number} seconds @returns {Promise<void>} */
const sleep = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** A random part of a doubling time, so that clients come apart. @param {number} first_s @param {number} failures */
const pause_s = (first_s, failures) => Math.random() * Math.min(first_s * 2 ** Math.min(failures, 16), BACKOFF_S_MAX);

/** 128 random bits as hex. (`crypto.randomUUID` is there in secure contexts only.) */
function random_id() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** One link to the dispatcher over as many WebSockets as it takes. */
class Link {
  /**
   * @param {string} address @param {object} hello @param {Required<Options>} options
   * @param {{ snapshot(it: any): void, frame(it: any): void, up(is_up: boolean): void, end(why: DispatcherError): void }} tell
   */
  constructor(address, hello, options, tell) {
    this.hello = hello;
    /** @type {Map<string, object>} */ this.standing = new Map();
    this.address = address;
    this.options = options;
    this.tell = tell;
    this.last_id = HELLO_ID;
    /** @type {Map<number, Request>} */ this.pending = new Map();
    /** Results of commands that were repeated: they may be of long ago. @type {WeakSet<object>} */ this.old = new WeakSet();
    /** @type {Promise<unknown>} */ this.turn = Promise.resolve();
    /** @type {WebSocket | null} */ this.socket = null;
    /** @type {DispatcherError | null} */ this.ended = null;
    this.is_up = false;
    this.is_heard = false;
    this.failures = 0;
    /** @type {(() => void)[]} */ this.timers = [];
    this.connect();
  }

  /** Send a command; answer its result, over however many connections. @param {string} cmd @param {object} args */
  async call(cmd, args) {
    /** @type {Request} */
    const request = { id: 0, cmd, args, sent: false, done() {}, fail() {} };
    /** @type {ReturnType<typeof setTimeout> | undefined} */ let timer;
    const late = new Promise((_, fail) => {
      timer = setTimeout(() => {
        const code = request.sent ? 'OUTCOME_UNKNOWN' : 'UNAVAILABLE';
        fail(failure(code, `${cmd}: no answer in ${this.options.timeout_s} s`));
      }, this.options.timeout_s * 1000);
    });
    const asked = () => this.ask(request);
    // One changing command at a time: the server remembers the answer of the last one only.
    const answer = CHANGING.has(cmd) ? this.turn.then(asked) : asked();
    const settled = Promise.race([answer, late]).finally(() => {
      clearTimeout(timer);
      this.pending.delete(request.id);
    });
    if (CHANGING.has(cmd)) this.turn = settled.catch(() => {});
    return settled;
  }

  /** @param {Request} request @returns {Promise<any>} */
  async ask(request) {
    request.id = ++this.last_id;
    for (let attempt = 0; ; attempt++) {
      if (this.ended) throw this.ended;
      const answered = new Promise((done, fail) => Object.assign(request, { done, fail }));
      this.pending.set(request.id, request);
      if (this.is_up) this.send(request);
      const reply = await answered;
      if (reply.repeated) throw failure('OUTCOME_UNKNOWN', 'carried out before; its answer is no longer kept');
      if (reply.ok && request.repeated && reply.result) this.old.add(reply.result);
      if (reply.ok) return reply.result;
      const { code, errno, detail } = reply.error;
      if (code !== 'OUTCOME_UNKNOWN' || attempt === REPEATS_MAX) throw new DispatcherError(code, errno, detail);
      request.repeated = true;
      await sleep(pause_s(this.options.backoff_s, attempt));
    }
  }

  /** @param {Request} request */
  send(request) {
    request.sent = true;
    this.socket?.send(JSON.stringify({ id: request.id, cmd: request.cmd, args: request.args }));
  }

  connect() {
    const socket = new this.options.WebSocket(this.address);
    this.socket = socket;
    this.is_heard = false;
    const late = after(HELLO_TIMEOUT_S, () => this.down(1006, 'no answer to hello'));
    this.timers = [late];
    socket.onopen = () => socket.send(JSON.stringify({ id: HELLO_ID, cmd: 'hello', args: this.hello }));
    socket.onmessage = (message) => {
      this.is_heard = true;
      const frame = JSON.parse(String(message.data));
      if (this.is_up) this.receive(frame);
      else if (frame.ok) this.up(frame.result, late);
      else this.refused(frame.error);
    };
    socket.onclose = ({ code, reason }) => this.down(code, reason);
    // Where nobody listens, Node tells of no close.
    socket.onerror = () => !this.is_heard && this.down(1006, '');
  }

  /** @param {Snapshot} snapshot @param {() => void} stop_waiting */
  up(snapshot, stop_waiting) {
    stop_waiting();
    this.is_up = true;
    this.timers = [after(BACKOFF_S_MAX, () => (this.failures = 0)), every(this.options.heartbeat_s, () => this.beat())];
    this.tell.snapshot(snapshot);
    for (const request of [...this.pending.values()].sort((one, other) => one.id - other.id)) {
      request.repeated ||= request.sent;
      this.send(request);
    }
    for (const [cmd, args] of this.standing) this.send({ ...idle, id: ++this.last_id, cmd, args });
    this.tell.up(true);
  }

  /** @param {any} frame */
  receive(frame) {
    if (frame.events) this.tell.frame(frame);
    else {
      const request = this.pending.get(frame.id);
      // In its place among the frames: the node sends none that this one covers.
      if (request && frame.ok && SNAPSHOTS.has(request.cmd)) this.tell.snapshot(frame.result);
      request?.done(frame);
    }
  }

  beat() {
    if (!this.is_heard) return this.down(1006, 'the connection was silent');
    this.is_heard = false;
    this.send({ ...idle, id: ++this.last_id, cmd: 'ping' });
  }

  /** @param {{ code: string, errno: number, detail: string }} error */
  refused({ code, errno, detail }) {
    if (PASSING.has(code)) this.down(1013, code);
    else this.end(new DispatcherError(code, errno, detail));
  }

  /** The connection is gone, or is given up. @param {number} code @param {string} reason */
  down(code, reason) {
    if (this.ended) return;
    const was_up = this.is_up;
    this.drop();
    if (was_up) this.tell.up(false);
    if (this.ended) return;
    const final = FINAL_CLOSE[code];
    if (final) return this.end(failure(reason in ERRNO ? /** @type {keyof typeof ERRNO} */ (reason) : final, reason));
    if (!this.options.reconnect) return this.end(failure('UNAVAILABLE', reason || 'the connection is gone'));
    this.timers = [after(pause_s(this.options.backoff_s, this.failures++), () => this.connect())];
  }

  /** Let go of the socket: one that hangs would tell of its close much later. */
  drop() {
    this.timers.forEach((stop) => stop());
    this.timers = [];
    this.is_up = false;
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = this.socket.onerror = null;
    this.socket.close();
    this.socket = null;
  }

  /** @param {DispatcherError} error */
  end(error) {
    if (this.ended) return;
    this.ended = error;
    this.drop();
    for (const request of this.pending.values()) {
      const is_lost = error.code === 'UNAVAILABLE' && request.sent;
      request.fail(is_lost ? failure('OUTCOME_UNKNOWN', error.detail) : error);
    }
    this.tell.end(error);
  }
}

const idle = { args: {}, sent: true, done() {}, fail() {} };
const CLOSED = failure('UNAVAILABLE', 'the client is closed');

/** @param {number} seconds @param {() => void} what @returns {() => void} what stops it */
function after(seconds, what) {
  const timer = setTimeout(what, seconds * 1000);
  return () => clearTimeout(timer);
}

/**
 * Browsers slow the timers of hidden pages to one a minute, which the server takes for death; a worker's they leave.
 * @param {number} seconds @param {() => void} what @returns {() => void} what stops it
 */
function every(seconds, what) {
  /** @type {ReturnType<typeof setInterval> | undefined} */ let timer;
  const code = `setInterval(() => postMessage(0), ${seconds * 1000})`;
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  /** @type {Worker | undefined} */ let worker;
  const do_without = () => (timer ??= setInterval(what, seconds * 1000));
  try {
    worker = new Worker(url);
    worker.onmessage = what;
    // Where the page's policy forbids it, one browser throws, and another one tells of it later.
    worker.onerror = do_without;
  } catch {
    // Nor are there any in Node.
    do_without();
  }
  return () => {
    if (worker) worker.onerror = null;
    worker?.terminate();
    clearInterval(timer);
    URL.revokeObjectURL(url);
  };
}

const PROGRESS = /** @type {Record<string, number>} */ ({ offered: 0, accepted: 1, serving: 2 });
const ENDED_KEPT = 256;

/**
 * Where a person stands, kept live: the last snapshot, with the events and answers since. The answer to a command
 * travels beside the events: it may arrive after a later one or before an earlier one. So what has ended, by either,
 * is never brought back.
 */
class State {
  /** @param {Snapshot} snapshot */
  constructor(snapshot) {
    this.snapshot = snapshot;
    /** @type {string[]} */ this.ended = [];
    /** How often events told of the own agent: an answer may be older than they are. */
    this.told = { service: 0, changed: 0 };
  }

  get me() {
    return this.snapshot.user.user_id;
  }

  /** Take over a new snapshot; return the events that lie between the old one and it. @param {Snapshot} snapshot */
  restore(snapshot) {
    const missed = difference(this.snapshot, snapshot);
    this.snapshot = snapshot;
    this.told = { service: this.told.service + 1, changed: this.told.changed + 1 };
    return missed;
  }

  /** @param {number | undefined} offset */
  count(offset) {
    if (offset !== undefined) this.set({ offset });
  }

  /** Change what an event says. Events about others change nothing. @param {string} event @param {any} data */
  apply(event, data) {
    const [kind, what] = event.split('.');
    if (kind === 'contact' && what !== 'left') this.hold_contact(data);
    else if (kind === 'assignment') this.hold(data);
    else if (kind === 'call') this.hold_call(/ended|rejected/.test(what) ? { ...data, state: 'ended' } : data);
    else if (kind === 'agent' && data.agent_id === this.me) this.change_agent(what, data);
    else if (event === 'queuing.info' && this.snapshot.contact?.queue_id === data.queue_id) {
      const { position, queuing_time_s } = data;
      this.set({ contact: { .../** @type {Contact} */ (this.snapshot.contact), position, queuing_time_s } });
    }
  }

  /**
   * Take what the answer to an own command tells, unless an event told more.
   * @param {any} answer @param {State['told']} told as it was when the command was given
   */
  learn(answer, told) {
    if (answer?.assignment_id) this.hold(answer);
    else if (answer?.call_id) this.hold_call(answer);
    else if (answer?.agent_id === this.me && answer.queues) this.learn_agent(answer, told);
    else if (answer?.contact_id) {
      if (answer.state === 'ended' || !this.snapshot.contact) this.hold_contact(answer);
      const held = this.snapshot.assignments.find((known) => known.contact.contact_id === answer.contact_id);
      if (held && answer.state === 'ended') this.hold({ ...held, state: 'completed' });
      if (held && answer.state === 'serving') this.serve(held, answer);
    }
  }

  /** @param {Agent} answer @param {State['told']} told */
  learn_agent(answer, told) {
    const known = this.snapshot.agent ?? answer;
    const is_newer = told.changed === this.told.changed && answer.since_at >= known.since_at;
    const { queues } = told.service === this.told.service ? answer : known;
    this.set({ agent: { ...(is_newer ? answer : known), queues } });
    this.set_assignments(this.snapshot.assignments);
  }

  /** @param {Contact} contact */
  hold_contact(contact) {
    if (contact.customer_id !== this.me) {
      // A supervisor, or another client, began to serve him for this agent.
      const held = this.snapshot.assignments.find((known) => known.contact.contact_id === contact.contact_id);
      if (held && contact.state === 'serving') this.serve(held, contact);
      return;
    }
    if (contact.state === 'ended') {
      this.forget(contact.contact_id);
      if (this.snapshot.contact?.contact_id === contact.contact_id) this.set({ contact: null });
    } else if (!this.ended.includes(contact.contact_id)) this.set({ contact: { ...contact, reason: null } });
  }

  /** @param {Call} call */
  hold_call(call) {
    if (call.state === 'ended') {
      this.forget(call.call_id);
      if (this.snapshot.call?.call_id === call.call_id) this.set({ call: null });
    } else if (!this.ended.includes(call.call_id)) {
      const known = this.snapshot.call?.call_id === call.call_id ? this.snapshot.call : null;
      // The answer to `call` may come after its acceptance, whose `ext` is not the caller's.
      if (known?.state === 'answered' && call.state === 'ringing') return;
      this.set({ call: { ...call, ext: (known ?? call).ext } });
      const held = this.snapshot.assignments.find((known) => known.contact.contact_id === call.contact_id);
      if (held && call.state === 'answered') this.serve(held, held.contact);
      else if (held) this.hold({ ...held, state: 'accepted', deadline_at: null });
    }
  }

  /** @param {Assignment} held @param {Contact} contact */
  serve(held, contact) {
    this.hold({ ...held, state: 'serving', contact: { ...contact, state: 'serving' }, deadline_at: null });
  }

  /** Put an assignment in, replace it by a later state of it, or take it out. @param {Assignment} assignment */
  hold(assignment) {
    const { assignments } = this.snapshot;
    const id = assignment.assignment_id;
    const known = assignments.find((one) => one.assignment_id === id);
    if (!(assignment.state in PROGRESS)) {
      this.forget(id);
      if (known) this.set_assignments(assignments.filter((one) => one !== known));
    } else if (known) {
      const is_later = PROGRESS[assignment.state] >= PROGRESS[known.state];
      if (is_later) this.set_assignments(assignments.map((one) => (one === known ? assignment : one)));
    } else if (!this.ended.includes(id)) this.set_assignments([...assignments, assignment]);
  }

  /** @param {string} what @param {any} data */
  change_agent(what, data) {
    const { user_id, name } = this.snapshot.user;
    const none = { dnd: 0, queues: [], load: 0, capacity: 1, contacts: [] };
    /** @type {Agent} */
    const agent = this.snapshot.agent ?? { ...none, agent_id: user_id, name, state: 'idle', since_at: 0 };
    this.told = { ...this.told, [what]: this.told[/** @type {'service' | 'changed'} */ (what)] + 1 };
    if (what === 'service') {
      const queues = agent.queues.filter((queue) => queue.queue_id !== data.queue_id);
      if (data.serving) queues.push({ queue_id: data.queue_id, priority: data.priority ?? 0 });
      this.set({ agent: { ...agent, queues } });
    } else {
      const { state, since_at, dnd, dnd_reason = null, load, capacity } = data;
      this.set({ agent: { ...agent, state, since_at, dnd, dnd_reason, load, capacity } });
    }
  }

  /** @param {Assignment[]} assignments */
  set_assignments(assignments) {
    const contacts = assignments.map((one) => one.contact.contact_id);
    const { agent } = this.snapshot;
    this.set({ assignments, agent: agent && { ...agent, contacts, load: contacts.length } });
  }

  /** @param {string} id */
  forget(id) {
    this.ended = [...this.ended.slice(1 - ENDED_KEPT), id];
  }

  /** @param {Partial<Snapshot>} members */
  set(members) {
    this.snapshot = { ...this.snapshot, ...members };
  }
}

/**
 * Return the events that would lead from one snapshot to the other. What happened between is not known: a reason is
 * missing, steps there and back are not seen.
 * @param {Snapshot} old @param {Snapshot} now @returns {Event[]}
 */
function difference(old, now) {
  /** @type {Event[]} */
  const events = [];
  const tell = (/** @type {string} */ event, /** @type {any} */ data) => events.push({ event, data });
  if (old.call && old.call.call_id !== now.call?.call_id) tell('call.ended', { ...old.call, state: 'ended', ext: '' });
  for (const was of old.assignments) {
    if (now.assignments.some((one) => one.assignment_id === was.assignment_id)) continue;
    const state = was.state === 'serving' ? 'completed' : 'cancelled';
    tell(`assignment.${state}`, { ...was, state, deadline_at: null });
  }
  const was = old.contact?.contact_id === now.contact?.contact_id ? old.contact : null;
  if (old.contact && !was) tell('contact.ended', { ...old.contact, state: 'ended', position: null });
  if (now.contact && !was) tell('contact.entered', now.contact);
  if (now.contact && now.contact.state !== (was?.state ?? 'waiting')) {
    const back = was?.state === 'held' ? 'resumed' : 'returned';
    const names = { waiting: back, held: 'held', preparing: 'matched', serving: 'serving', ended: 'ended' };
    tell(`contact.${names[now.contact.state]}`, now.contact);
  }
  for (const one of now.assignments) {
    const before = old.assignments.find((known) => known.assignment_id === one.assignment_id);
    if (!before) tell('assignment.offered', one);
    else if (before.state === 'offered' && one.state !== 'offered') tell('assignment.accepted', one);
  }
  const before = old.call?.call_id === now.call?.call_id ? old.call : null;
  if (now.call?.callee_id === now.user.user_id) {
    if (!before) tell('call.incoming', now.call);
  } else if (now.call?.state === 'answered' && before?.state !== 'answered') tell('call.accepted', now.call);
  if (old.agent && now.agent && old.agent.state !== now.agent.state) {
    tell('agent.changed', { ...now.agent, old_state: old.agent.state, cause: 'snapshot' });
  }
  return events;
}

/** The HTTP rows, with a token. A POST that was not answered is repeated under the same key, so it happens once. */
export class Rows {
  /** @param {string} url @param {() => string} token */
  constructor(url, token) {
    this.url = url;
    this.token = token;
  }

  /** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
  async request(method, path, body) {
    const headers = { Authorization: `Bearer ${this.token()}`, ...(body && { 'Content-Type': 'application/json' }) };
    const once = method === 'POST' && { 'Idempotency-Key': random_id() };
    for (let attempt = 0; ; attempt++) {
      const init = { method, headers: { ...headers, ...once }, body: body && JSON.stringify(body) };
      const response = await fetch(this.url + path, init).catch((/** @type {Error} */ error) => error);
      // 204 has no body, nor has the 202 of a queue that goes when it is empty.
      if (response instanceof Response && response.ok) return response.text().then((text) => (text ? JSON.parse(text) : null));
      const lost = failure('OUTCOME_UNKNOWN', String(response));
      const error = response instanceof Response ? await problem(response) : lost;
      if (error.code !== 'OUTCOME_UNKNOWN' || (!once && method !== 'GET') || attempt === REPEATS_MAX) throw error;
      await sleep(pause_s(0.5, attempt));
    }
  }

  /** @param {string} id @returns {Promise<Queue>} */
  get_queue(id) { return this.request('GET', `/v1/queues/${part(id)}`); }
  /** @param {Partial<Queue>} queue @returns {Promise<Queue>} */
  create_queue(queue) { return this.request('POST', '/v1/queues', queue); }
  /** @param {string} id @param {Partial<Queue>} patch @returns {Promise<Queue>} */
  update_queue(id, patch) { return this.request('PATCH', `/v1/queues/${part(id)}`, patch); }
  /** @param {string} id @param {{ force?: boolean }} [how] @returns {Promise<any>} */
  delete_queue(id, how = {}) { return this.request('DELETE', `/v1/queues/${part(id)}${how.force ? '?force=1' : ''}`); }
  /** Who serves a queue. @param {string} id @param {Part} [page] @returns {Promise<{ items: Agent[], cursor?: string | null }>} */
  list_queue_agents(id, page = {}) { return this.request('GET', `/v1/queues/${part(id)}/agents${query(page)}`); }
  /**
   * Queue somebody else.
   * @param {{ queue_id: string, customer_id: string, name?: string, ext?: string, presence?: string }} contact
   * @returns {Promise<Contact>}
   */
  create_contact(contact) { return this.request('POST', '/v1/contacts', contact); }
  /** @param {string} id @returns {Promise<Contact>} */
  get_contact(id) { return this.request('GET', `/v1/contacts/${part(id)}`); }
  /** @param {string} id @returns {Promise<Contact>} */
  remove_contact(id) { return this.request('DELETE', `/v1/contacts/${part(id)}`); }
  /** @param {Part} [page] @returns {Promise<{ items: Agent[], cursor?: string | null }>} */
  list_agents(page = {}) { return this.request('GET', `/v1/agents${query(page)}`); }
  /** @param {string} id @returns {Promise<Agent>} */
  get_agent(id) { return this.request('GET', `/v1/agents/${part(id)}`); }
  /** @param {string} id @param {{ capacity: number }} patch @returns {Promise<Agent>} */
  update_agent(id, patch) { return this.request('PATCH', `/v1/agents/${part(id)}`, patch); }
  /** Let an agent serve queues. @param {string} id @param {Service[]} queues @returns {Promise<Agent>} */
  start_agent(id, queues) { return this.request('POST', `/v1/agents/${part(id)}/queues`, { queues }); }
  /** @param {string} id @param {string} queue_id @returns {Promise<Agent>} */
  stop_agent(id, queue_id) { return this.request('DELETE', `/v1/agents/${part(id)}/queues/${part(queue_id)}`); }
  /** @param {string} id @param {{ dnd: number, reason?: string }} how @returns {Promise<Agent>} */
  set_agent_dnd(id, how) { return this.request('PUT', `/v1/agents/${part(id)}/dnd`, how); }
  /** The tenant's options. @returns {Promise<any>} */
  get_tenant() { return this.request('GET', '/v1/tenant'); }
  /** @param {object} patch @returns {Promise<any>} */
  update_tenant(patch) { return this.request('PATCH', '/v1/tenant', patch); }
  /** Accounts. @param {Part} [page] @returns {Promise<any>} */
  list_users(page = {}) { return this.request('GET', `/v1/users${query(page)}`); }
  /** @param {object} account @returns {Promise<any>} */
  create_user(account) { return this.request('POST', '/v1/users', account); }
  /** @param {string} id @param {object} patch @returns {Promise<any>} */
  update_user(id, patch) { return this.request('PATCH', `/v1/users/${part(id)}`, patch); }
  /** @param {string} id @returns {Promise<any>} */
  delete_user(id) { return this.request('DELETE', `/v1/users/${part(id)}`); }
  /** @param {{ user_id: string, name?: string, roles: string[], ttl_s?: number }} user @returns {Promise<{ token: string, expires_at: number }>} */
  create_token(user) { return this.request('POST', '/v1/tokens', user); }
  /**
   * Follow the tenant's log: what comes after the cursor `since` (without it: from now), only some `types`, or one
   * `contact`'s story from its beginning. A stream that breaks is taken up where it broke, until `signal` ends it.
   * An entry with `reset` says that what lay before it is no longer kept.
   * @param {{ since?: string, types?: string, contact?: string, signal?: AbortSignal }} [which]
   * @returns {AsyncGenerator<Entry, void, void>}
   */
  async *events({ signal, ...which } = {}) {
    let cursor = '';
    for (let failures = 0; ; failures++) {
      try {
        for await (const { id, event, data } of this.stream(`/v1/events${query(which)}`, cursor, signal)) {
          failures = 0;
          cursor = id ?? cursor;
          if (data) yield event === 'reset' ? { ...JSON.parse(data), at: 0, events: [], reset: true } : JSON.parse(data);
        }
      } catch (error) {
        if (error instanceof DispatcherError && !PASSING.has(error.code)) throw error;
      }
      if (signal?.aborted) return;
      await sleep(pause_s(0.5, failures));
    }
  }

  /** @param {string} path @param {string} cursor @param {AbortSignal} [signal] */
  async *stream(path, cursor, signal) {
    const headers = { Authorization: `Bearer ${this.token()}`, ...(cursor && { 'Last-Event-ID': cursor }) };
    const response = await fetch(this.url + path, { headers, signal });
    if (!response.ok || !response.body) throw await problem(response);
    const [reader, decoder] = [response.body.getReader(), new TextDecoder()];
    try {
      for (let text = ''; ;) {
        const { value, done } = await reader.read();
        if (done) return;
        const messages = (text + decoder.decode(value, { stream: true })).split('\n\n');
        text = messages.pop() ?? '';
        for (const one of messages) yield Object.fromEntries(one.split('\n').map((line) => line.split(/: ?(.*)/s, 2)));
      }
    } finally {
      reader.cancel().catch(() => {});
    }
  }
}

/**
 * Log in with the tenant's secret or an account's password.
 * @param {string} url
 * @param {object} who
 * @returns {Promise<{ token: string, expires_at: number, user: any }>}
 */
export function login(url, who) {
  return new Rows(url.replace(/\/+$/, ''), () => '').request('POST', '/v1/login', who);
}

/** @param {Response} response */
async function problem(response) {
  const { code, errno, detail } = await response.json().catch(() => ({}));
  return code ? new DispatcherError(code, errno, detail) : failure('SERVER_EXCEPTION', `status ${response.status}`);
}

const part = encodeURIComponent;
/** @param {object} page */
const query = (page) => {
  const text = new URLSearchParams(/** @type {any} */ (page)).toString();
  return text && `?${text}`;
};

/** The connection of one person, made by `connect`. */
export class Dispatcher {
  /** @param {string} url @param {string} token @param {Required<Options>} options */
  constructor(url, token, options) {
    /** 128 random bits, under which this client's commands are remembered. */
    this.client = random_id();
    const base = url || location.origin;
    this.url = base.replace(/^ws/, 'http').replace(/\/+$/, '');
    this.token = token;
    /** The server's time (epoch ms) when the page's own clock of `performance.now()` began; it is never set. */
    this.began_at = -Infinity;
    /** Whether the server hears us now. */
    this.connected = false;
    /** @type {Map<string, Set<(data: any, event: string) => void>>} */ this.listeners = new Map();
    /** @type {State | null} */ this.live = null;
    /** The rows of the HTTP table that are no commands of the WebSocket. */
    this.http = new Rows(this.url, () => this.token);
    const hello = { token, client: this.client, ...(options.watch ? { watch: true } : {}) };
    /** Settles when the connection has ended for good, with the error that ended it. @type {Promise<DispatcherError>} */
    this.closed = new Promise((done) => {
      this.link = new Link(`${this.url.replace(/^http/, 'ws')}/v1/ws`, hello, options, {
        snapshot: (snapshot) => this.restore(snapshot),
        frame: (frame) => this.receive(frame),
        up: (is_up) => this.tell('connection', { connected: (this.connected = is_up) }),
        end: (error) => {
          done(error);
          this.tell('closed', error);
        },
      });
    });
  }

  /** Where the person stands, by everything received so far. @returns {Snapshot} */
  get state() {
    if (!this.live) throw failure('NOT_LOGIN', 'not connected yet');
    return this.live.snapshot;
  }

  /**
   * Call `listener(data, event)` at each event of that name; `*`: at every one. Beside the events of the server there
   * are `state` (something of it changed), `connection` ({connected}) and `closed` (the error).
   * @param {string} event @param {(data: any, event: string) => void} listener @returns {() => void} what takes it off
   */
  on(event, listener) {
    const listeners = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  /** The server's time (epoch ms) by what it last said: deadlines are in it, and clocks of clients are wrong. */
  now() {
    return this.began_at === -Infinity ? Date.now() : Math.round(this.began_at + performance.now());
  }

  /** Use a newer token of the same user, on this connection and on the next ones. @param {string} token */
  async renew(token) {
    const before = this.token;
    const use = (/** @type {string} */ now) => (this.link.hello = { ...this.link.hello, token: (this.token = now) });
    try {
      return await this.link.call('hello', use(token));
    } catch (error) {
      // One that is refused must not be what the next connection says hello with.
      if (this.token === token && !PASSING.has(/** @type {DispatcherError} */ (error).code)) use(before);
      throw error;
    }
  }

  /** End the connection. What the person holds lives on for the grace. */
  close() {
    this.link.end(CLOSED);
  }

  /** @param {string} event @param {any} data */
  tell(event, data) {
    for (const listener of [...(this.listeners.get(event) ?? []), ...(this.listeners.get('*') ?? [])]) {
      try {
        listener(data, event);
      } catch (error) {
        // A page's mistake is the page's: it must not keep the others from hearing.
        console.error(error);
      }
    }
  }

  /** @param {Snapshot} snapshot */
  restore(snapshot) {
    const missed = this.live ? this.live.restore(snapshot) : [];
    this.live ??= new State(snapshot);
    this.tell('snapshot', snapshot);
    for (const { event, data } of missed) this.tell(event, data);
    this.tell('state', this.state);
  }

  /** Take a frame, unless its offset says that a snapshot covered it. @param {any} frame */
  receive(frame) {
    const { offset, epoch } = this.state;
    // What came late makes the server's clock seem slow, never fast. So does a sleep of the machine.
    if (frame.at) this.began_at = Math.max(this.began_at, frame.at - performance.now());
    if (frame.offset !== undefined && (frame.epoch ?? epoch) === epoch && frame.offset <= offset) {
      if (frame.events[0]?.event !== 'snapshot') return;
    }
    for (const { event, data } of frame.events) {
      if (event === 'snapshot') this.restore(data);
      else {
        this.live?.apply(event, data);
        this.tell(event, data);
      }
    }
    this.live?.count(frame.offset);
    this.tell('state', this.state);
  }

  /** @param {string} cmd @param {object} args */
  async command(cmd, args) {
    const told = this.live?.told ?? { service: 0, changed: 0 };
    const result = await this.link.call(cmd, args);
    if (STANDING.has(cmd)) this.link.standing.set(cmd, args);
    if (cmd === 'unwatch_users') this.link.standing.delete('watch_users');
    // A first answer that was repeated tells of then; what is now, nobody tells but a snapshot.
    if (CHANGING.has(cmd) && this.link.old.has(result)) await this.me().catch(() => {});
    else if (CHANGING.has(cmd)) {
      this.live?.learn(result, told);
      this.tell('state', this.state);
    }
    return result;
  }

  /** Ask for a sign of life. @returns {Promise<{}>} */
  ping() { return this.command('ping', {}); }
  /** Read where the person stands, from the server. @returns {Promise<Snapshot>} */
  me() { return this.command('me', {}); }
  /**
   * List the queues by id; `status` adds each one's counts.
   * @param {Part & { status?: boolean }} [args] @returns {Promise<{ items: Queue[], cursor?: string | null }>}
   */
  list_queues(args = {}) { return this.command('list_queues', args); }
  /** Count a queue. @param {{ queue_id: string }} args @returns {Promise<QueueStatus>} */
  get_queue_status(args) { return this.command('get_queue_status', args); }
  /**
   * List who waits in a queue, in its order.
   * @param {Part & { queue_id: string }} args @returns {Promise<{ items: Contact[], cursor?: string | null }>}
   */
  list_contacts(args) { return this.command('list_contacts', args); }
  /**
   * Get `queue.status` of these queues, or of all there are now.
   * @param {{ queue_ids?: string[], all?: boolean }} args @returns {Promise<{ queue_ids: string[] }>}
   */
  watch_queues(args) { return this.command('watch_queues', args); }
  /** As a supervisor: get what changes about agents and queues, at most once a second. @returns {Promise<any>} */
  watch_agents() { return this.command('watch_agents', {}); }
  /**
   * Wait in a queue; `ext` (up to 4 KB) is shown to the agent. Asking again answers the same contact.
   * @param {{ queue_id: string, ext?: string }} args @returns {Promise<Contact>}
   */
  start_queuing(args) { return this.command('start_queuing', args); }
  /** Leave: the queue, the offer, or the service. @returns {Promise<Contact>} */
  stop_queuing() { return this.command('stop_queuing', {}); }
  /** Read the own contact with its position. @returns {Promise<Contact>} */
  get_queuing_info() { return this.command('get_queuing_info', {}); }
  /**
   * Serve one queue with a priority (smaller is higher), or several in one step.
   * @param {Service | { queues: Service[] }} args @returns {Promise<Agent>}
   */
  start_service(args) { return this.command('start_service', args); }
  /**
   * Stop serving a queue; its pending offer is withdrawn.
   * @param {{ queue_id: string }} args @returns {Promise<Agent>}
   */
  stop_service(args) { return this.command('stop_service', args); }
  /**
   * Set manual mode (not 0), or clear it (0), which ends wrap-up and cool-down too.
   * @param {{ dnd: number, reason?: string }} args @returns {Promise<Agent>}
   */
  set_dnd(args) { return this.command('set_dnd', args); }
  /**
   * Ask for a contact: by the order rule, the oldest of a queue, or one customer of a queue.
   * @param {{ queue_id?: string, customer_id?: string }} [args] @returns {Promise<Assignment>}
   */
  request_assignment(args = {}) { return this.command('request_assignment', args); }
  /** Accept an offer. @param {{ assignment_id: string }} args @returns {Promise<Assignment>} */
  accept(args) { return this.command('accept', args); }
  /** Reject an offer. @param {{ assignment_id: string }} args @returns {Promise<Assignment>} */
  reject(args) { return this.command('reject', args); }
  /** Begin to serve without a call. @param {{ contact_id: string }} args @returns {Promise<Contact>} */
  start(args) { return this.command('start', args); }
  /** End the service. @param {{ contact_id: string }} args @returns {Promise<Contact>} */
  complete(args) { return this.command('complete', args); }
  /**
   * Send a contact in service to a queue or to an able agent.
   * @param {{ contact_id: string, queue_id?: string, agent_id?: string }} args @returns {Promise<Contact>}
   */
  transfer(args) { return this.command('transfer', args); }
  /**
   * Call a user; the assigned customer: implies accept.
   * @param {{ callee: string, meeting?: unknown, ext?: string }} args @returns {Promise<Call>}
   */
  call(args) { return this.command('call', args); }
  /** Answer a call. @param {{ call_id: string, meeting?: unknown, ext?: string }} args @returns {Promise<Call>} */
  accept_call(args) { return this.command('accept_call', args); }
  /** Refuse a call. @param {{ call_id: string, ext?: string }} args @returns {Promise<Call>} */
  reject_call(args) { return this.command('reject_call', args); }
  /** End a call. @param {{ call_id: string, ext?: string }} args @returns {Promise<Call>} */
  hangup(args) { return this.command('hangup', args); }
  /**
   * Read whether a user is offline, idle, busy or in a call.
   * @param {{ user_id: string }} args @returns {Promise<{ user_id: string, status: string, dnd: number }>}
   */
  get_user_status(args) { return this.command('get_user_status', args); }
  /** Get `user.status` of these users. @param {{ user_ids?: string[] }} [args] @returns {Promise<any>} */
  watch_users(args = {}) { return this.command('watch_users', args); }
  /** Get it no more. @returns {Promise<any>} */
  unwatch_users() { return this.command('unwatch_users', {}); }
  /**
   * Send a message (up to 64 KB) to a user; it comes at most once.
   * @param {{ to: string, data: string }} args @returns {Promise<any>}
   */
  send_cmd(args) { return this.command('send_cmd', args); }
}

/**
 * Connect to a node (`https://host`; empty: where the page came from) and say hello.
 *
 * Fails with UNAVAILABLE where no node answered in `timeout_s`, or with what hello was refused for.
 * @param {string} url @param {string} token @param {Options} [options] @returns {Promise<Dispatcher>}
 */
export async function connect(url, token, options = {}) {
  const defaults = { timeout_s: 30, heartbeat_s: 10, backoff_s: 0.5, reconnect: true, watch: false };
  const all = { ...defaults, WebSocket: globalThis.WebSocket, ...options };
  const dispatcher = new Dispatcher(url, token, all);
  const error = await new Promise((settle) => {
    const stop = after(all.timeout_s, () => settle(failure('UNAVAILABLE', `no node answered at ${dispatcher.url}`)));
    const settled = (/** @type {Error | null} */ error) => (stop(), settle(error));
    dispatcher.on('snapshot', () => settled(null));
    dispatcher.closed.then(settled);
  });
  if (error) {
    dispatcher.close();
    throw error;
  }
  return dispatcher;
}
