/** The board of agents, and one agent: what he does, what he holds, and what a supervisor may make of it. */
import { h } from '../look/dom.js';
import { ask } from '../look/frame.js';
import { Rows } from '../look/rows.js';
import { REASONS, STATES } from '../look/states.js';
import { has, t } from '../look/texts.js';
import { compare, contact_actions, field, filters, icon_button, link, nothing, state_of } from './parts.js';

const SORTS = {
  name: () => 0,
  state: (one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state) || one.since_at - other.since_at,
  since: (one, other) => one.since_at - other.since_at,
  load: (one, other) => other.load - one.load,
};
const SORT_MS = 1000;
const QUEUES_SHOWN = 3;

const reason = (agent) => {
  const name = agent.dnd_reason;
  return agent.dnd && name ? (has(`desk.reason.${name}`) ? t(`desk.reason.${name}`) : name) : '';
};

export class Agents {
  is_live = true;

  constructor(console) {
    this.console = console;
    this.d = console.d;
    this.board = console.board;
    this.rows = new Rows('agents', { high: 3.5, narrow: 5.75, redraw: console.redraw });
    this.search = '';
    this.kind = 'all';
    this.sort = 'name';
    /** One who serves nothing is on no board: he is read when he is looked at. */
    this.known = null;
  }

  close() {
    this.rows.close();
  }

  async open(is_shown, id) {
    this.id = is_shown ? id : null;
    this.known = null;
    if (!this.id || this.board.agents.has(this.id)) return;
    await this.read(this.id);
  }

  async read(id) {
    const agent = await this.d.http.get_agent(id).catch(() => null);
    if (id === this.id) this.known = agent;
    this.console.redraw();
  }

  chosen_agents() {
    const { version } = this.board.settle();
    const now = Date.now();
    const key = `${this.search}\n${this.kind}\n${this.sort}\n${this.board.agents.size}`;
    if (this.cache?.key === key && (this.cache.version === version || now - this.cache.at < SORT_MS)) {
      if (this.cache.version !== version) this.console.redraw_after(SORT_MS);
      return this.cache.ids.map((id) => this.board.agents.get(id)).filter(Boolean);
    }
    const words = this.search.toLowerCase().split(/\s+/).filter(Boolean);
    const agents = [...this.board.agents.values()].filter((agent) => (this.kind === 'all' || agent.state === this.kind) && words.every((word) =>
      `${agent.name} ${agent.agent_id}`.toLowerCase().includes(word) || agent.queues.some(({ queue_id }) => this.board.name(queue_id).toLowerCase().includes(word))));
    const ranks = this.by_name();
    agents.sort((one, other) => SORTS[this.sort](one, other) || ranks.get(one.agent_id) - ranks.get(other.agent_id));
    this.cache = { key, version, at: now, ids: agents.map(({ agent_id }) => agent_id) };
    return agents;
  }

  /** Where each one stands by name: comparing texts as people do is slow, and names stay. @returns {Map<string, number>} */
  by_name() {
    const key = `${this.board.names} ${document.documentElement.lang}`;
    if (this.named?.key !== key) {
      const agents = [...this.board.agents.values()].sort((one, other) => compare(one.name, other.name) || compare(one.agent_id, other.agent_id));
      this.named = { key, ranks: new Map(agents.map(({ agent_id }, rank) => [agent_id, rank])) };
    }
    return this.named.ranks;
  }

  part() {
    const agents = this.chosen_agents();
    const { states } = this.board.settle();
    const set = (members) => {
      Object.assign(this, members);
      this.console.redraw();
    };
    const column = (key, text, sort = null) => ({
      key, text, sorted: sort && this.sort === sort ? (sort === 'load' ? 'descending' : 'ascending') : null, sort: sort && (() => set({ sort })),
    });
    return h('section', { class: 'card board', 'aria-label': t('console.agents') },
      filters({
        label: t('console.agents.search'), search: this.search, seek: (search) => set({ search }),
        kinds: [{ key: 'all', text: t('console.agents.all'), n: this.board.agents.size }, ...STATES.map((key) => ({ key, text: t(`state.${key}`), n: states[key] }))],
        kind: this.kind, choose: (kind) => set({ kind }),
        sorts: Object.keys(SORTS).map((key) => [key, t(`console.sort.${key}`)]), sort: this.sort, order: (sort) => set({ sort }),
      }),
      agents.length === 0
        ? (this.board.is_listed ? nothing('desk', t(this.board.agents.size ? 'console.none' : 'console.agents.none')) : h('div', { class: 'empty' }, h('div', { class: 'spinner' })))
        : this.rows.part({
          label: t('console.agents'),
          head: [
            column('name', t('console.agent'), 'name'), column('state', t('console.state'), 'state'), column('since', t('console.since'), 'since'),
            column('load', t('console.load'), 'load'), column('holds', t('console.holds')), column('serves', t('console.serves')),
          ],
          items: agents,
          row: (agent) => this.row(agent),
        }));
  }

  row(agent) {
    const { agent_id, name, state, since_at, load, capacity, queues } = agent;
    this.board.look_at(agent);
    const holds = this.held(agent);
    return {
      key: agent_id,
      is_chosen: this.id === agent_id,
      cells: [
        h('div', { class: 'person' }, h('acd-avatar', { name }), h('div', { class: 'what' },
          h('a', { class: 'whole', href: link('agents', agent_id) }, name), h('span', { class: 'small quiet' }, agent_id))),
        h('div', { class: 'row nowrap' }, state_of(state), reason(agent) && h('span', { class: 'small quiet clip' }, reason(agent))),
        h('acd-clock', { since: since_at }),
        h('span', { class: `number ${load ? '' : 'zero'}` }, `${load} / ${capacity}`),
        h('span', { class: 'clip' }, load > 0 ? holds.map((contact) => contact.name).join(', ') || '…' : ''),
        h('span', { class: 'small quiet clip' }, queues.slice(0, QUEUES_SHOWN).map(({ queue_id }) => this.board.name(queue_id)).join(', '),
          queues.length > QUEUES_SHOWN && ` +${queues.length - QUEUES_SHOWN}`),
      ],
    };
  }

  held(agent) {
    return agent.load > 0 ? agent.contacts.map((id) => this.board.contacts.get(id)).filter(Boolean) : [];
  }

  panel(id) {
    const agent = this.board.agents.get(id) ?? this.known;
    if (!agent) return [this.console.head({ title: id, name: id }), nothing('desk', t('console.gone'))];
    this.board.look_at(agent);
    const act = (what) => this.console.act(async () => {
      const now = await what();
      if (now?.queues?.length) this.board.put_agent(now);
      if (!this.board.agents.has(id) || !now?.queues?.length) await this.read(id);
      this.board.touch();
    });
    return [
      this.console.head({ title: agent.name, about: agent.agent_id, name: agent.name }),
      h('div', { class: 'part row' }, state_of(agent.state), h('acd-clock', { since: agent.since_at }), reason(agent) && h('span', { class: 'quiet' }, reason(agent))),
      this.forced(agent, act),
      this.holding(agent),
      this.serving(agent, act),
    ];
  }

  /** What a supervisor may set for him. */
  forced(agent, act) {
    const { agent_id, dnd, capacity } = agent;
    const set = (value, why = '') => act(() => this.d.http.set_agent_dnd(agent_id, { dnd: value, reason: why }));
    const segment = (text, value, is_on) => h('button', { type: 'button', 'aria-pressed': is_on, onclick: () => set(value, value ? REASONS[0] : '') }, text);
    return h('section', { class: 'part stack' },
      h('h3', null, t('console.force')),
      h('div', { class: 'segments', role: 'group', 'aria-label': t('console.force') },
        segment(t('desk.ready'), 0, dnd === 0), segment(t('desk.not_ready'), 1, dnd !== 0)),
      dnd !== 0 && field(t('desk.reason'), h('select', { value: agent.dnd_reason ?? '', onchange: (event) => set(1, event.target.value) },
        !REASONS.includes(agent.dnd_reason) && h('option', { value: agent.dnd_reason ?? '' }, reason(agent) || t('console.reason.none')),
        REASONS.map((one) => h('option', { value: one }, t(`desk.reason.${one}`))))),
      ['wrapping', 'cooling'].includes(agent.state) && dnd === 0 && h('button', { type: 'button', class: 'tight', onclick: () => set(0) }, t('console.force.end')),
      h('form', { class: 'row inline', onsubmit: (event) => {
        event.preventDefault();
        act(() => this.d.http.update_agent(agent_id, { capacity: Number(new FormData(event.target).get('capacity')) }));
      } }, field(t('console.capacity'), h('input', { key: `capacity ${capacity}`, type: 'number', name: 'capacity', min: 1, max: 100, required: true, initial: capacity })),
      h('button', { class: 'tight' }, t('save'))));
  }

  holding(agent) {
    const contacts = this.held(agent);
    return h('section', { class: 'part' },
      h('h3', null, t('console.holds'), h('span', { class: 'count' }, `${agent.load} / ${agent.capacity}`)),
      agent.load === 0 ? h('p', { class: 'quiet small' }, t('console.holds.none'))
      : h('ul', { class: 'list', 'aria-label': t('console.holds') }, contacts.map((contact) => h('li', { key: contact.contact_id },
        h('acd-avatar', { name: contact.name }),
        h('div', { class: 'what' }, h('a', { href: link('contacts', contact.contact_id) }, contact.name),
          h('span', { class: 'small quiet' }, this.board.name(contact.queue_id))),
        contact_actions(this.console, { ...contact, state: agent.state === 'busy' ? 'serving' : contact.state })))));
  }

  serving(agent, act) {
    const { agent_id, queues } = agent;
    return h('section', { class: 'part' },
      h('h3', null, t('console.serves'), h('span', { class: 'count' }, queues.length)),
      queues.length === 0 ? h('p', { class: 'quiet small' }, t('console.serves.none'))
      : h('ul', { class: 'list', 'aria-label': t('console.serves') }, queues.map(({ queue_id, priority = 0 }) => h('li', { key: queue_id },
        h('div', { class: 'what' }, h('a', { href: link('queues', queue_id) }, this.board.name(queue_id)),
          h('span', { class: 'small quiet' }, t('console.priority.is', { n: priority }))),
        icon_button('cross', t('console.stop', { queue: this.board.name(queue_id) }), () => act(() => this.d.http.stop_agent(agent_id, queue_id)))))),
      h('div', { class: 'row' },
        h('button', { type: 'button', class: 'tight', onclick: () => this.start(agent, act) }, h('acd-icon', { name: 'plus' }), t('console.start')),
        queues.length > 0 && h('button', { type: 'button', class: 'tight plain', onclick: () => this.stop_all(agent, act) }, t('console.stop.all'))));
  }

  async start({ agent_id, name, queues }, act) {
    const open = [...this.board.queues.values()].map(({ queue }) => queue)
      .filter((queue) => !queue.deleting && !queues.some(({ queue_id }) => queue_id === queue.queue_id)).sort((one, other) => compare(one.name, other.name));
    await ask({
      title: t('console.start.who', { name }), yes: t('console.start'),
      about: h('div', { class: 'stack' },
        field(t('console.queue'), h('select', { name: 'queue_id', required: true }, open.map((queue) => h('option', { value: queue.queue_id }, queue.name)))),
        field(t('desk.priority'), h('input', { type: 'number', name: 'priority', min: 0, max: 1000, required: true, initial: 0 }), t('console.priority.about'))),
      act: async (form) => {
        const now = await this.d.http.start_agent(agent_id, [{ queue_id: String(form.get('queue_id')), priority: Number(form.get('priority')) }]);
        act(async () => now);
      },
    });
  }

  async stop_all({ agent_id, name, queues }, act) {
    await ask({
      title: t('console.stop.who', { name }), about: t('console.stop.about'), yes: t('console.stop.all'), kind: 'danger',
      act: async () => {
        for (const { queue_id } of queues) await this.d.http.stop_agent(agent_id, queue_id);
        await act(async () => null);
      },
    });
  }
}
