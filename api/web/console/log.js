/** The event log, as it goes on. */
import { h } from '../look/dom.js';
import { Rows } from '../look/rows.js';
import { said, t } from '../look/texts.js';
import { filters, link, nothing } from './parts.js';
import { NOUNS, tell } from './words.js';

const BEGIN_MS = 60_000;
/** So many events are kept here; the log itself has the others. */
const KEPT = 2000;
const CONTACT = /^\d{13}-\d{4}$/;

export class Log {
  constructor(console) {
    this.console = console;
    this.d = console.d;
    this.rows = new Rows('log', { high: 2.5, narrow: 4.25, redraw: console.redraw });
    this.search = '';
    this.kind = 'all';
    /** The newest first. */
    this.events = [];
    this.number = 0;
    this.is_paused = false;
    this.stop = null;
    this.cursor = '';
    this.error = '';
  }

  close() {
    this.stop?.abort();
    this.rows.close();
  }

  open(is_shown) {
    if (is_shown === Boolean(this.stop)) return;
    this.stop?.abort();
    this.stop = is_shown ? new AbortController() : null;
    if (this.stop) this.follow(this.stop.signal);
  }

  async follow(signal) {
    this.error = '';
    const since = this.cursor || `${Math.floor(this.d.now() - BEGIN_MS)}-0`;
    try {
      for await (const { cursor, at, events, reset } of this.d.http.events({ since, signal })) {
        if (signal.aborted) return;
        this.cursor = cursor;
        // The tenant may be younger than a minute.
        if (reset && this.events.length === 0) continue;
        for (const event of events) this.events.push({ key: ++this.number, at, ...event });
        if (this.events.length > 2 * KEPT) this.events.splice(0, this.events.length - KEPT);
        if (!this.is_paused) this.console.redraw_live();
      }
    } catch (error) {
      if (!signal.aborted) this.error = said(error);
      this.console.redraw();
    }
  }

  chosen_events() {
    const words = this.search.toLowerCase().split(/\s+/).filter(Boolean);
    const last = this.is_paused ? this.paused_at : this.number;
    const events = this.events.slice(-KEPT).filter(({ key, event, data }) => key <= last && (this.kind === 'all' || event.startsWith(`${this.kind}.`) || event === this.kind)
      && words.every((word) => `${event} ${JSON.stringify(data)}`.toLowerCase().includes(word)));
    return events.reverse();
  }

  part() {
    const set = (members) => {
      Object.assign(this, members);
      this.console.redraw();
    };
    const key = `${this.search}\n${this.kind}\n${this.is_paused ? this.paused_at : this.number}`;
    if (this.cache?.key !== key) this.cache = { key, events: this.chosen_events() };
    const { events } = this.cache;
    return h('section', { class: 'card board', 'aria-label': t('console.log') },
      filters({
        label: t('console.log.search'), search: this.search,
        seek: (search) => (CONTACT.test(search.trim()) ? (location.hash = link('contacts', search.trim())) : set({ search })),
        kinds: ['all', ...NOUNS.filter((noun) => noun !== 'user')].map((noun) => ({ key: noun, text: t(`console.log.${noun}`) })), kind: this.kind, choose: (kind) => set({ kind }),
        more: h('button', { type: 'button', class: 'tight', 'aria-pressed': this.is_paused, onclick: () => set({ is_paused: !this.is_paused, paused_at: this.number }) },
          h('acd-icon', { name: this.is_paused ? 'play' : 'pause' }), t(this.is_paused ? 'console.log.go_on' : 'console.log.pause')),
      }),
      this.error && h('p', { class: 'note bad' }, this.error),
      events.length === 0 ? nothing('log', t(this.events.length ? 'console.none' : 'console.log.none'))
      : this.rows.part({
        label: t('console.log'),
        head: [{ key: 'time', text: t('console.time') }, { key: 'says', text: t('console.event') }, { key: 'who', text: t('console.about') }, { key: 'code', text: t('console.name') }],
        items: events,
        row: (event) => this.row(event),
      }));
  }

  row(event) {
    const { text, reason, kind, contact_id, agent_id, queue_id } = tell(event, this.console.board);
    const { board } = this.console;
    const to = contact_id ? link('contacts', contact_id) : agent_id ? link('agents', agent_id) : queue_id ? link('queues', queue_id) : null;
    return {
      key: String(event.key),
      is_chosen: contact_id !== null && contact_id === this.console.chosen,
      cells: [
        h('acd-time', { class: 'number quiet', at: event.at }),
        h('span', { class: `clip says-${kind ?? 'none'}` }, to ? h('a', { class: 'whole', href: to }, text) : text, reason && h('span', { class: 'quiet' }, ` · ${reason}`)),
        h('span', { class: 'clip small quiet' }, [queue_id && board.name(queue_id), agent_id && board.agent_name(agent_id)].filter(Boolean).join(' · ')),
        h('code', { class: 'clip small quiet' }, event.event),
      ],
    };
  }
}
