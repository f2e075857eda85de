/** Which queues the agent serves, with which priority. What he chose is remembered for the next day. */
import { h } from '../look/dom.js';
import { browser } from '../look/memory.js';
import { all_queues } from '../look/queues.js';
import { t } from '../look/texts.js';

const REFRESH_S = 15;
const SERVED_MAX = 100;
const SHOWN_MAX = 60;
/** From so many on there is a search. */
const MANY = 12;

export class Queues {
  constructor(desk) {
    this.desk = desk;
    this.d = desk.d;
    /** @type {Map<string, any> | null} */ this.known = null;
    this.search = '';
    /** What is chosen before work starts: priority by queue. @type {Map<string, number>} */
    this.chosen = new Map(JSON.parse(browser.get(this.memory) ?? '[]'));
    this.timer = setInterval(() => this.load(), REFRESH_S * 1000);
    this.load();
  }

  close() {
    clearInterval(this.timer);
  }

  get memory() {
    return `queues.${this.d.state.user.user_id}`;
  }

  get served() {
    return this.d.state.agent?.queues ?? [];
  }

  get(id) {
    return this.known?.get(id);
  }

  name(id) {
    return this.get(id)?.name ?? id;
  }

  async load() {
    if (!this.d.connected) return;
    try {
      this.known = new Map((await all_queues(this.d)).map((queue) => [queue.queue_id, queue]));
      // What was chosen another day may be gone: nobody sees it, and one such queue would let all be refused.
      for (const id of this.chosen.keys()) if (!this.known.has(id) || this.known.get(id).deleting) this.chosen.delete(id);
      this.desk.redraw();
    } catch { /* the next look brings them */ }
  }

  start() {
    const queues = [...this.chosen].map(([queue_id, priority]) => ({ queue_id, priority }));
    return this.change(() => this.d.start_service({ queues }));
  }

  /** Change what is served, and remember it. */
  async change(what) {
    if (await this.desk.act(what)) {
      this.chosen = new Map(this.served.map(({ queue_id, priority }) => [queue_id, priority ?? 0]));
      if (this.chosen.size) browser.set(this.memory, JSON.stringify([...this.chosen]));
    }
  }

  /** @param {string} queue_id @param {number | null} priority null: not served */
  set(queue_id, priority) {
    if (this.served.length) {
      const args = { queue_id, priority };
      return this.change(() => (priority === null ? this.d.stop_service({ queue_id }) : this.d.start_service(args)));
    }
    if (priority === null) this.chosen.delete(queue_id);
    else this.chosen.set(queue_id, priority);
    this.desk.redraw();
  }

  part() {
    const is_working = this.served.length > 0;
    const on = is_working ? new Map(this.served.map((one) => [one.queue_id, one.priority ?? 0])) : this.chosen;
    const known = [...(this.known?.values() ?? [])].filter((queue) => !queue.deleting);
    const words = this.search.toLowerCase();
    const found = known.filter(({ queue_id, name }) => !words || `${name} ${queue_id}`.toLowerCase().includes(words));
    // What is served stands on top, and is there whatever is searched for.
    const shown = known.length > MANY
      ? [...known.filter(({ queue_id }) => on.has(queue_id)), ...found.filter(({ queue_id }) => !on.has(queue_id)).slice(0, SHOWN_MAX)] : known;
    const more = found.filter(({ queue_id }) => !on.has(queue_id)).length - SHOWN_MAX;
    const all = () => {
      for (const { queue_id } of found) if (this.chosen.size < SERVED_MAX && !this.chosen.has(queue_id)) this.chosen.set(queue_id, 0);
      this.desk.redraw();
    };
    return h('section', { class: 'card queues', 'aria-labelledby': 'queues' },
      h('header', null, h('h2', { id: 'queues' }, t('desk.queues')),
        !is_working && known.length > 1 && h('button', { type: 'button', class: 'tight plain', onclick: all }, t('desk.all')),
        is_working && h('span', { class: 'count' }, on.size)),
      h('p', { class: 'hint small quiet' }, t('desk.queues.choose')),
      this.known && known.length === 0 && h('p', { class: 'none quiet' }, t('desk.no_queues')),
      known.length > MANY && h('div', { class: 'hint' }, h('input', {
        type: 'search', 'aria-label': t('desk.queues.search'), placeholder: t('desk.queues.search'), value: this.search,
        oninput: (event) => {
          this.search = event.target.value;
          this.desk.redraw();
        },
      })),
      h('ul', null, shown.map((queue) => this.row(queue, on.get(queue.queue_id)))),
      known.length > MANY && more > 0 && h('p', { class: 'none small quiet' }, t('desk.queues.more', { n: more })),
      !is_working && known.length > 0 && h('div', { class: 'body' },
        h('button', { type: 'button', class: 'primary big', disabled: on.size === 0 || this.desk.is_busy, onclick: () => this.start() },
          t('desk.start'))));
  }

  row({ queue_id, name, status, open }, priority) {
    const is_on = priority !== undefined;
    const count = (this.desk.lines.counts.get(queue_id) ?? status)?.wait_num ?? 0;
    return h('li', { key: queue_id },
      h('label', null,
        h('input', {
          type: 'checkbox', checked: is_on, disabled: this.desk.is_busy,
          onchange: (event) => this.set(queue_id, event.target.checked ? 0 : null),
        }),
        h('span', { class: 'what' }, h('strong', null, name), h('span', { class: 'small quiet number' }, [!open && t('visit.closed'), t('desk.waiting.n', { n: count })].filter(Boolean).join(' · ')))),
      is_on && h('input', {
        type: 'number', min: 0, max: 1000, value: String(priority), title: t('desk.priority'), disabled: this.desk.is_busy,
        'aria-label': t('desk.priority.of', { name }),
        onchange: (event) => event.target.reportValidity() && event.target.value !== '' && this.set(queue_id, Number(event.target.value)),
      }));
  }
}
