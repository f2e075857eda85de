/** The board of queues, and one queue: its line in order, its agents, its policy. */
import { h } from '../look/dom.js';
import { ask } from '../look/frame.js';
import { Rows } from '../look/rows.js';
import { STATES } from '../look/states.js';
import { t } from '../look/texts.js';
import { about, called } from '../look/facts.js';
import { compare, contact_actions, filters, link, nothing, shares, stat, state_of } from './parts.js';
import { edit_queue, POLICY, shown } from './policy.js';

const SORTS = {
  priority: (one, other) => one.queue.priority - other.queue.priority || compare(one.queue.name, other.queue.name),
  name: (one, other) => compare(one.queue.name, other.queue.name),
  waiting: (one, other) => other.status.wait_num - one.status.wait_num,
  longest: (one, other) => (one.waits_since ?? Infinity) - (other.waits_since ?? Infinity),
  serving: (one, other) => other.status.srv_num - one.status.srv_num,
  agents: (one, other) => other.status.agent_num - one.status.agent_num,
};
const KINDS = {
  all: () => true,
  waiting: ({ status }) => status.wait_num > 0,
  late: ({ queue, waits_since }, now) => Boolean(waits_since) && now - waits_since > queue.service_level * 1000,
  unattended: ({ queue, status }) => queue.open && status.agent_num === 0,
  closed: ({ queue }) => !queue.open,
};
/** The order does not change under the hand that wants to click. */
const SORT_MS = 1000;
const LINE_MS = 700;
const LINE_PART = 50;
const AGENTS_SHOWN = 50;

export class Queues {
  is_live = true;

  constructor(console) {
    this.console = console;
    this.d = console.d;
    this.board = console.board;
    this.rows = new Rows('queues', { high: 3.5, narrow: 5.75, redraw: console.redraw });
    this.search = '';
    this.kind = 'all';
    this.sort = 'priority';
    /** The line of the queue that is looked into. @type {any[] | null} */
    this.line = null;
    this.limit = LINE_PART;
    this.agents_shown = AGENTS_SHOWN;
    this.off = this.d.on('queue.status', ({ queue_id }) => queue_id === this.id && this.list_soon());
    this.offs = [this.off, this.d.on('queue.resync', ({ queue_id }) => queue_id === this.id && this.list_soon()),
      this.d.on('connection', ({ connected }) => connected && this.id && this.list_soon())];
  }

  close() {
    this.rows.close();
    clearTimeout(this.due);
    this.id = null;
    this.offs.forEach((off) => off());
  }

  open(is_shown, id) {
    const chosen = is_shown ? id : null;
    if (chosen === this.id) return;
    [this.id, this.line, this.limit, this.agents_shown] = [chosen, null, LINE_PART, AGENTS_SHOWN];
    if (chosen) this.list();
  }

  /** The line is told to those who serve it; here it is listed again when its counts change. */
  list_soon() {
    this.due ??= setTimeout(() => {
      this.due = null;
      this.list();
    }, LINE_MS);
  }

  async list() {
    const { id } = this;
    if (!id) return;
    // What is being listed may be from before the change that this call is about.
    this.is_behind = this.is_listing;
    if (this.is_listing) return;
    this.is_listing = true;
    try {
      const line = [];
      let cursor;
      do {
        const page = await this.d.list_contacts({ queue_id: id, limit: LINE_PART, ...(cursor && { cursor }) });
        line.push(...page.items);
        ({ cursor } = page);
      } while (cursor && line.length < this.limit);
      if (id === this.id) this.line = line;
    } catch { /* the next change, or the next connection, lists it again */ }
    this.is_listing = false;
    if (id !== this.id || this.is_behind) this.list();
    this.console.redraw();
  }

  chosen_lines() {
    const { version } = this.board.settle();
    const now = Date.now();
    const key = `${this.search}\n${this.kind}\n${this.sort}\n${this.board.queues.size}`;
    if (this.cache?.key === key && (this.cache.version === version || now - this.cache.at < SORT_MS)) {
      if (this.cache.version !== version) this.console.redraw_after(SORT_MS);
      return this.cache.lines;
    }
    const words = this.search.toLowerCase().split(/\s+/).filter(Boolean);
    const all = [...this.board.queues.values()];
    const at = this.d.now();
    const lines = all.filter((line) => KINDS[this.kind](line, at) && words.every((word) =>
      `${line.queue.name} ${line.queue.queue_id} ${line.queue.description}`.toLowerCase().includes(word)));
    lines.sort((one, other) => SORTS[this.sort](one, other) || SORTS.priority(one, other));
    const counts = Object.fromEntries(Object.entries(KINDS).map(([kind, holds]) => [kind, all.filter((line) => holds(line, at)).length]));
    this.cache = { key, version, at: now, lines, counts };
    return lines;
  }

  part() {
    const lines = this.chosen_lines();
    const set = (members) => {
      Object.assign(this, members);
      this.console.redraw();
    };
    const column = (key, text, sort = key) => ({
      key, text, sorted: this.sort === sort ? (sort === 'priority' || sort === 'name' ? 'ascending' : 'descending') : null, sort: sort && (() => set({ sort })),
    });
    return h('section', { class: 'card board', 'aria-label': t('console.queues') },
      filters({
        label: t('console.queues.search'), search: this.search, seek: (search) => set({ search }),
        kinds: Object.keys(KINDS).map((key) => ({ key, text: t(`console.queues.${key}`), n: this.cache.counts[key] })), kind: this.kind, choose: (kind) => set({ kind }),
        sorts: Object.keys(SORTS).map((key) => [key, t(`console.sort.${key}`)]), sort: this.sort, order: (sort) => set({ sort }),
        more: this.console.is_admin && h('button', { type: 'button', class: 'primary tight new', onclick: () => edit_queue(this.console) },
          h('acd-icon', { name: 'plus' }), t('console.queue.new')),
      }),
      lines.length === 0
        ? (this.board.is_listed ? nothing('people', t(this.board.queues.size ? 'console.none' : 'console.queues.none')) : h('div', { class: 'empty' }, h('div', { class: 'spinner' })))
        : this.rows.part({
          label: t('console.queues'),
          head: [
            column('name', t('console.queue')), column('waiting', t('console.waiting')), { key: 'hour', text: t('console.hour') },
            column('longest', t('console.longest')), column('serving', t('console.serving')), column('agents', t('console.agents')),
            column('priority', t('console.priority')),
          ],
          items: lines,
          row: (line) => this.row(line),
        }));
  }

  row({ queue, status, waits_since, history, states }) {
    const { queue_id, name, description, priority } = queue;
    return {
      key: queue_id,
      is_chosen: this.id === queue_id,
      cells: [
        h('div', { class: 'what' },
          h('a', { class: 'whole', href: link('queues', queue_id) }, name),
          h('span', { class: 'small quiet' }, badges(queue), description || queue_id)),
        h('strong', { class: `number ${status.wait_num ? '' : 'zero'}` }, status.wait_num),
        h('acd-spark', { points: history.points(this.d.now()), title: t('console.hour.most', { n: history.highest }) }),
        longest(queue, waits_since, this.d.now()),
        h('span', { class: `number ${status.srv_num ? '' : 'zero'}` }, status.srv_num,
          status.prepare_num > 0 && h('small', { class: 'quiet', title: t('console.preparing', { n: status.prepare_num }) }, ` +${status.prepare_num}`)),
        agents_of(states),
        h('span', { class: 'number quiet' }, priority),
      ],
    };
  }

  panel(id) {
    const line = this.board.queues.get(id);
    if (!line) return [this.console.head({ title: id }), this.board.is_listed && nothing('people', t('console.gone'))];
    const { queue, status, waits_since, history, states } = line;
    return [
      this.console.head({
        title: queue.name, about: queue.description || queue.queue_id, state: h('span', { class: 'row' }, badges(queue)),
        actions: this.console.is_admin && [
          h('button', { type: 'button', class: 'tight', onclick: () => edit_queue(this.console, queue) }, h('acd-icon', { name: 'edit' }), t('console.edit')),
          h('button', { type: 'button', class: 'tight', onclick: () => this.console.act(() => this.d.http.update_queue(id, { open: !queue.open })) },
            t(queue.open ? 'console.queue.close' : 'console.queue.open')),
          h('button', { type: 'button', class: 'tight plain', onclick: () => this.remove(queue) }, h('acd-icon', { name: 'trash' }), t('console.delete')),
        ],
      }),
      h('dl', { class: 'stats' },
        stat(t('console.waiting'), status.wait_num), stat(t('console.longest'), longest(queue, waits_since, this.d.now())),
        stat(t('console.serving'), status.srv_num), stat(t('console.agents'), status.agent_num)),
      h('figure', { class: 'hour-large' }, h('acd-spark', { points: history.points(this.d.now()), top: 4 }),
        h('figcaption', { class: 'small quiet' }, h('span', null, t('console.hour.of')), h('span', null, t('console.hour.most', { n: history.highest })))),
      this.in_line(status),
      this.agents(id, states),
      h('section', { class: 'part' }, h('h3', null, t('console.policy')),
        h('dl', { class: 'pairs' }, POLICY.map((one) => h('div', null, h('dt', null, t(`policy.${one.name}`)), h('dd', { class: 'number' }, shown(one, queue[one.name])))))),
    ];
  }

  in_line(status) {
    const more = this.line && this.line.length >= this.limit && this.line.length < status.wait_num;
    return h('section', { class: 'part' },
      h('h3', null, t('console.line'), h('span', { class: 'count' }, status.wait_num)),
      !this.line ? h('div', { class: 'spinner' })
      : this.line.length === 0 ? h('p', { class: 'quiet small' }, t('desk.line.none'))
      : h('ol', { class: 'list', 'aria-label': t('console.line') }, this.line.map((contact) => h('li', { key: contact.contact_id },
        h('span', { class: 'place number quiet' }, contact.position),
        h('div', { class: 'what' },
          h('a', { href: link('contacts', contact.contact_id) }, called(contact)), h('span', { class: 'small quiet' }, about(contact) || contact.customer_id)),
        contact.state === 'held' && h('span', { class: 'count' }, t('desk.held')),
        h('acd-clock', { class: 'small', since: contact.queued_at }),
        contact_actions(this.console, contact)))),
      more && h('button', { type: 'button', class: 'tight', onclick: () => {
        this.limit += 2 * LINE_PART;
        this.list();
      } }, t('console.more', { n: status.wait_num - this.line.length })));
  }

  agents(id, states) {
    const agents = [...this.board.agents.values()].filter(({ queues }) => queues.some(({ queue_id }) => queue_id === id))
      .sort((one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state) || one.since_at - other.since_at);
    return h('section', { class: 'part' },
      h('h3', null, t('console.agents'), h('span', { class: 'count' }, agents.length), h('acd-parts', { of: shares(states) })),
      agents.length === 0 ? h('p', { class: 'quiet small' }, t('console.agents.nobody'))
      : h('ul', { class: 'list', 'aria-label': t('console.agents') }, agents.slice(0, this.agents_shown).map((agent) => h('li', { key: agent.agent_id },
        h('acd-avatar', { name: agent.name }),
        h('div', { class: 'what' }, h('a', { href: link('agents', agent.agent_id) }, agent.name),
          h('span', { class: 'small quiet' }, t('console.priority.is', { n: agent.queues.find(({ queue_id }) => queue_id === id).priority ?? 0 }))),
        state_of(agent.state), h('acd-clock', { class: 'small', since: agent.since_at })))),
      agents.length > this.agents_shown && h('button', { type: 'button', class: 'tight', onclick: () => {
        this.agents_shown += 4 * AGENTS_SHOWN;
        this.console.redraw();
      } }, t('console.more', { n: agents.length - this.agents_shown })));
  }

  async remove({ queue_id, name }) {
    const gone = await ask({
      title: t('console.queue.delete', { name }), yes: t('console.delete'), kind: 'danger',
      about: [h('p', { class: 'quiet' }, t('console.queue.delete.about')),
        h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'force' }), h('span', null, t('console.queue.delete.force')))],
      act: (form) => this.d.http.delete_queue(queue_id, { force: form.has('force') }),
    });
    if (gone) this.console.leave_panel();
  }
}

const badges = (queue) => [
  !queue.open && h('span', { class: 'badge' }, t('console.closed')), queue.deleting && h('span', { class: 'badge bad' }, t('console.deleting')),
];

/** How long the first one has waited, in the colour of what was promised. */
function longest({ service_level }, since, now) {
  if (!since) return h('span', { class: 'zero' }, '–');
  const part = (now - since) / (service_level * 1000);
  return h('acd-clock', { class: part > 3 ? 'late bad' : part > 1 ? 'late warn' : '', since });
}

function agents_of(states) {
  const busy = (states.busy ?? 0) + (states.offered ?? 0);
  const away = (states.wrapping ?? 0) + (states.cooling ?? 0) + (states.manual ?? 0);
  const idle = states.idle ?? 0;
  if (!(busy + away + idle)) return h('span', { class: 'zero' }, t('console.agents.nobody'));
  return h('div', { class: 'crew' }, h('acd-parts', { of: shares(states) }),
    h('span', { class: 'small quiet number', title: STATES.filter((state) => states[state]).map((state) => `${t(`state.${state}`)}: ${states[state]}`).join(', ') },
      t('console.crew', { idle, busy, away })));
}

