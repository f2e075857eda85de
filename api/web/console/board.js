/**
 * All queues and agents of the tenant, live: listed once, then kept by what a supervisor's watching session is told.
 * A new connection lists them anew, because nobody told what happened in between.
 */
import { tab } from '../look/memory.js';
import { STATES } from '../look/states.js';
import { History } from './history.js';

const AGAIN_MS = 2000;
const FETCHES_AT_ONCE = 4;
const CONTACTS_MAX = 5000;
const FIRST_ROWS = 30;
const NONE = { agent_num: 0, wait_num: 0, prepare_num: 0, srv_num: 0, longest_wait_s: 0 };

/** @typedef {{ queue: any, status: any, waits_since: number | null, history: History, states: Record<string, number> }} Line */

export class Board {
  /** @param {any} d @param {() => void} changed called at every change: it may draw less often */
  constructor(d, changed) {
    this.d = d;
    this.changed = changed;
    /** @type {Map<string, Line>} */ this.queues = new Map();
    /** @type {Map<string, any>} */ this.agents = new Map();
    /** Contacts that agents hold, by id, as last read. @type {Map<string, any>} */ this.contacts = new Map();
    /** What was told last of an agent who is being read for the first time. @type {Map<string, any>} */ this.told = new Map();
    this.total = new History();
    this.version = 0;
    /** Counts changes of agents' names. */
    this.names = 0;
    this.is_listed = false;
    this.listing = 0;
    /** What came while all was being listed: it is newer than the list. @type {[Function, any][] | null} */
    this.late = null;
    this.wanted = new Set();
    this.fetching = 0;
    /** @type {[string, () => Promise<any>][]} */ this.waiting_fetches = [];
    this.remember();
    const on = (/** @type {string} */ event, /** @type {(data: any) => void} */ take) => d.on(event, (/** @type {any} */ data) => {
      this.late?.push([take, data]);
      take(data);
      this.touch();
    });
    this.offs = [
      on('queue.status', (status) => this.count(status)),
      on('queue.changed', (queue) => this.put_queue(queue)),
      on('queue.deleted', ({ queue_id }) => this.queues.delete(queue_id)),
      on('agent.changed', (data) => this.change_agent(data)),
      on('agent.service', (data) => this.serve(data)),
      d.on('connection', ({ connected }) => connected && this.list()),
    ];
    window.addEventListener('pagehide', this.keep);
    this.list();
  }

  close() {
    this.listing = -1;
    this.keep();
    window.removeEventListener('pagehide', this.keep);
    this.offs.forEach((off) => off());
  }

  touch() {
    this.version++;
    this.changed();
  }

  /** Keep nothing for who comes next. */
  forget() {
    this.is_forgotten = true;
    tab.set('history', null);
  }

  /** What the page has seen lives on over a reload. */
  keep = () => {
    if (this.is_forgotten) return;
    const seen = [...this.queues].map(([id, { history }]) => [id, history.seen]);
    tab.set('history', JSON.stringify({ user: this.d.state.user.user_id, total: this.total.seen, seen }));
  };

  remember() {
    const { user, total, seen } = JSON.parse(tab.get('history') ?? '{}');
    this.remembered = new Map(user === this.d.state.user.user_id ? seen : []);
    if (this.remembered.size) this.total = new History(total);
  }

  /** Watch, then list: what is listed and what is told from then on are together the whole truth. */
  async list() {
    const run = ++this.listing;
    this.late = [];
    try {
      // Something to look at before everything is watched.
      if (this.queues.size === 0) await this.begin();
      await Promise.all([this.d.watch_queues({ all: true }), this.d.watch_agents()]);
      const is_new = () => run === this.listing;
      await Promise.all([
        this.take_all((page) => this.d.list_queues({ status: true, ...page }), is_new, this.queues, (queue) => this.put_queue(queue), 'queue_id'),
        this.take_all((page) => this.d.http.list_agents({ limit: 100, ...page }), is_new, this.agents, (agent) => this.put_agent(agent), 'agent_id'),
      ]);
      if (!is_new()) return;
      this.late = null;
      this.is_listed = true;
      this.touch();
    } catch {
      if (run === this.listing && this.d.connected) setTimeout(() => run === this.listing && this.list(), AGAIN_MS);
    }
  }

  async begin() {
    for (const queue of (await this.d.list_queues({ status: true, limit: FIRST_ROWS })).items) this.put_queue(queue);
    this.touch();
  }

  /** List page by page, so that the first rows stand at once; forget what is not there any more. */
  async take_all(list, is_new, known, put, id) {
    const old = new Set(known.keys());
    let cursor;
    do {
      const page = await list(cursor ? { cursor } : {});
      if (!is_new()) return;
      for (const item of page.items) {
        old.delete(item[id]);
        put(item);
      }
      for (const [take, data] of this.late ?? []) take(data);
      this.touch();
      ({ cursor } = page);
    } while (cursor);
    for (const gone of old) known.delete(gone);
  }

  put_queue({ status, ...queue }) {
    const known = this.queues.get(queue.queue_id);
    if (known) known.queue = queue;
    else {
      const history = new History(this.remembered.get(queue.queue_id));
      this.queues.set(queue.queue_id, { queue, status: NONE, waits_since: null, history, states: {} });
      if (this.is_listed && !status) this.watch_new();
    }
    if (status) this.count(status);
  }

  /** `all` are those there were when it was asked for. */
  watch_new() {
    clearTimeout(this.watching);
    this.watching = setTimeout(() => this.d.watch_queues({ all: true }).catch(() => {}), 50);
  }

  count(status) {
    const line = this.queues.get(status.queue_id);
    if (!line) return;
    const now = this.d.now();
    line.status = status;
    line.waits_since = status.wait_num ? now - status.longest_wait_s * 1000 : null;
    line.history.add(status.wait_num, now);
  }

  put_agent(agent) {
    if (this.agents.get(agent.agent_id)?.name !== agent.name) this.names++;
    this.agents.set(agent.agent_id, { ...agent, is_stale: false });
  }

  change_agent(data) {
    const { agent_id, state, since_at, dnd, dnd_reason = null, load, capacity } = data;
    const known = this.agents.get(agent_id);
    if (!known) {
      this.told.set(agent_id, data);
      this.fetch_agent(agent_id);
    } else this.agents.set(agent_id, { ...known, state, since_at, dnd, dnd_reason, load, capacity, is_stale: true });
  }

  serve({ agent_id, queue_id, serving, priority = 0 }) {
    const known = this.agents.get(agent_id);
    if (!known) {
      if (serving) this.fetch_agent(agent_id);
      return;
    }
    const queues = known.queues.filter((/** @type {any} */ queue) => queue.queue_id !== queue_id);
    if (serving) queues.push({ queue_id, priority });
    if (queues.length) this.agents.set(agent_id, { ...known, queues });
    else this.agents.delete(agent_id);
  }

  /** Everything that is derived from all of it. */
  settle() {
    if (this.settled?.version === this.version) return this.settled;
    const states = Object.fromEntries(STATES.map((state) => [state, 0]));
    for (const line of this.queues.values()) line.states = {};
    for (const { state, queues } of this.agents.values()) {
      states[state]++;
      for (const { queue_id } of queues) {
        const line = this.queues.get(queue_id);
        if (line) line.states[state] = (line.states[state] ?? 0) + 1;
      }
    }
    let [waiting, serving, preparing, oldest] = [0, 0, 0, /** @type {Line | null} */ (null)];
    for (const line of this.queues.values()) {
      waiting += line.status.wait_num;
      serving += line.status.srv_num;
      preparing += line.status.prepare_num;
      if (line.waits_since && (!oldest || line.waits_since < oldest.waits_since)) oldest = line;
    }
    if (this.queues.size) this.total.add(waiting, this.d.now());
    this.settled = { version: this.version, states, waiting, serving, preparing, oldest };
    return this.settled;
  }

  name(queue_id) {
    return this.queues.get(queue_id)?.queue.name ?? queue_id;
  }

  agent_name(agent_id) {
    return this.agents.get(agent_id)?.name ?? agent_id;
  }

  /** Read what an agent holds, where it may have changed: only for those who are looked at. @param {any} agent */
  look_at(agent) {
    if (!this.d.connected) return;
    if (agent.is_stale && agent.load > 0) this.fetch_agent(agent.agent_id);
    for (const id of agent.load > 0 ? agent.contacts : []) if (!this.contacts.has(id)) this.fetch_contact(id);
  }

  fetch_contact(id) {
    this.fetch(`contact ${id}`, async () => {
      this.contacts.set(id, this.contacts.get(id) ?? null);
      this.contacts.set(id, await this.d.http.get_contact(id));
      if (this.contacts.size > CONTACTS_MAX) this.contacts.delete(this.contacts.keys().next().value);
    });
  }

  fetch_agent(id) {
    this.fetch(`agent ${id}`, async () => {
      const before = this.agents.get(id);
      const agent = await this.d.http.get_agent(id);
      // What was told meanwhile is newer than this answer, maybe: it stays, and is looked at again.
      if (before && this.agents.get(id) !== before) return;
      if (agent.queues.length || this.agents.has(id)) {
        this.put_agent(agent);
        const told = this.told.get(id);
        if (told && told.since_at > agent.since_at) this.change_agent(told);
      }
      this.told.delete(id);
      // It may have gone from one queue to another.
      for (const contact_id of agent.contacts) if (this.contacts.has(contact_id)) this.fetch_contact(contact_id);
    });
  }

  /** Do a few things at once, and no thing twice. */
  fetch(name, what) {
    if (this.wanted.has(name)) return;
    this.wanted.add(name);
    this.waiting_fetches.push([name, what]);
    this.pump();
  }

  async pump() {
    if (this.fetching >= FETCHES_AT_ONCE || !this.waiting_fetches.length) return;
    this.fetching++;
    const [name, what] = this.waiting_fetches.shift();
    await what().catch(() => {});
    this.fetching--;
    this.wanted.delete(name);
    this.touch();
    this.pump();
  }
}
