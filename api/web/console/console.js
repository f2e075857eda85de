/**
 * The supervisor's console: a live board of queues and agents, the log, accounts and options. What is open stands in
 * the address (`#/queues/sales`), so that back, reload and links work. `board.js` is what is known; the other modules
 * show parts of it.
 */
import { h } from '../look/dom.js';
import { toast } from '../look/frame.js';
import { log_out, run } from '../look/session.js';
import { said, t } from '../look/texts.js';
import { Accounts } from './accounts.js';
import { Agents } from './agents.js';
import { Board } from './board.js';
import { Log } from './log.js';
import { Options } from './options.js';
import { shares } from './parts.js';
import { Queues } from './queues.js';
import { Story } from './story.js';

/** What changes by itself is drawn so often at most; what the user does, with the next frame. */
const LIVE_MS = 100;
const TABS = { queues: 'people', agents: 'desk', log: 'log', accounts: 'user', options: 'gear' };
/** As in console.css. */
const NARROW = window.matchMedia('(max-width: 64rem)');
const drawn = (/** @type {() => void} */ what) => requestAnimationFrame(() => requestAnimationFrame(what));
const ADMINS = new Set(['accounts', 'options']);

class Console {
  constructor(d, redraw) {
    this.d = d;
    this.redraw = redraw;
    this.is_admin = d.state.user.roles.includes('admin');
    this.drawn_at = 0;
    this.board = new Board(d, () => this.redraw_live());
    this.story = new Story(this);
    this.views = {
      queues: new Queues(this), agents: new Agents(this), log: new Log(this), accounts: new Accounts(this), options: new Options(this),
    };
    this.route = () => this.go();
    this.keys = (/** @type {KeyboardEvent} */ event) => this.key(event);
    window.addEventListener('hashchange', this.route);
    window.addEventListener('keydown', this.keys);
    // What stands still too moves in the lines of the last hour.
    this.timer = setInterval(() => this.redraw_live(), 10_000);
    this.go();
  }

  close() {
    clearInterval(this.timer);
    clearTimeout(this.due);
    clearTimeout(this.later);
    window.removeEventListener('hashchange', this.route);
    window.removeEventListener('keydown', this.keys);
    for (const view of Object.values(this.views)) view.close();
    this.story.close();
    this.board.close();
  }

  redraw_live() {
    this.due ??= setTimeout(() => {
      this.due = null;
      this.drawn_at = performance.now();
      this.redraw();
    }, Math.max(0, this.drawn_at + LIVE_MS - performance.now()));
  }

  /** What is not shown yet will be. */
  redraw_after(ms) {
    this.later ??= setTimeout(() => {
      this.later = null;
      this.redraw();
    }, ms);
  }

  /** Open what the address says. A contact's story opens beside the list that is there. */
  go() {
    const [view, ...id] = location.hash.replace(/^#\/?/, '').split('/');
    const chosen = id.length ? decodeURIComponent(id.join('/')) : null;
    const was = this.chosen;
    const was_view = this.view;
    if (!was) this.scrolled = window.scrollY;
    this.is_story = view === 'contacts' && Boolean(chosen);
    if (view in this.views && (this.is_admin || !ADMINS.has(view))) this.view = view;
    else if (!this.is_story) this.view = 'queues';
    this.view ??= 'queues';
    this.chosen = view in this.views || this.is_story ? chosen : null;
    this.story.open(this.is_story ? chosen : null);
    for (const [name, one] of Object.entries(this.views)) one.open?.(name === this.view, this.is_story ? null : this.chosen);
    this.redraw();
    if (this.view !== was_view && was_view) this.scrolled = 0;
    if (this.chosen !== was || this.view !== was_view) drawn(() => this.show(was, was_view));
  }

  /** On a narrow screen a panel takes the board's place: it begins at its head, and the board comes back as it was. */
  show(was, was_view) {
    const is_new = this.view !== was_view && Boolean(was_view);
    if (is_new || NARROW.matches) window.scrollTo(0, this.chosen ? 0 : this.scrolled);
    // The rows that stand there now are drawn with the next frame.
    drawn(() => this.focus(was));
  }

  /** The focus goes into what has opened, and back to its row when it closes. */
  focus(was) {
    if (this.chosen) document.querySelector('.panel h2')?.focus({ preventScroll: true });
    else if (was) /** @type {HTMLElement} */ (document.querySelector(`.tbody a[href="#/${this.view}/${CSS.escape(encodeURIComponent(was))}"]`))?.focus({ preventScroll: true });
  }

  key(event) {
    const is_typing = event.target.closest('input, select, textarea, dialog');
    if (event.key === 'Escape' && this.chosen && !event.target.closest('dialog, select')) this.leave_panel();
    else if (event.key === '/' && !is_typing) {
      event.preventDefault();
      document.querySelector('.filters input')?.focus();
    }
  }

  /** Who comes next is somebody else, perhaps of another organisation. */
  leave() {
    this.board.forget();
    log_out(this.d);
  }

  leave_panel() {
    location.hash = `#/${this.view}`;
  }

  /** Do something that may be refused; answers whether it was done. @param {() => Promise<any>} what @param {string} [done] */
  async act(what, done = '') {
    try {
      await what();
      if (done) toast(done);
      return true;
    } catch (error) {
      toast(said(error));
      return false;
    } finally {
      this.redraw();
    }
  }

  bar() {
    const { user } = this.d.state;
    return [
      h('nav', { class: 'tabs', 'aria-label': t('console.parts') }, Object.entries(TABS).map(([name, icon]) =>
        (this.is_admin || !ADMINS.has(name)) && h('a', { href: `#/${name}`, 'aria-current': this.view === name ? 'page' : null },
          h('acd-icon', { name: icon }), h('span', null, t(`console.${name}`))))),
      h('div', { class: 'who' }, h('acd-avatar', { name: user.name }), h('span', null, user.name)),
      h('button', { class: 'plain icon-only', title: t('logout'), 'aria-label': t('logout'), onclick: () => this.leave() },
        h('acd-icon', { name: 'out' })),
    ];
  }

  main() {
    const view = this.views[this.view];
    const panel = this.is_story ? this.story.panel() : this.chosen && view.panel?.(this.chosen);
    return h('div', { class: `console ${panel ? 'split' : ''}` },
      h('h1', { class: 'unseen' }, `${t('page.console')}: ${t(`console.${this.view}`)}`),
      h('div', { key: this.view, class: 'view' }, view.is_live && this.tiles(), view.part()),
      panel && h('aside', { key: `panel ${this.chosen}`, class: 'panel card', 'aria-labelledby': 'panel' }, panel));
  }

  /** The head of a panel. @param {{ title: string, about?: any, icon?: string, name?: string, state?: any, actions?: any }} what */
  head({ title, about = null, name = null, state = null, actions = null }) {
    return h('header', { class: 'panel-head' },
      h('button', { type: 'button', class: 'plain icon-only', 'aria-label': t('console.close'), title: t('console.close'), onclick: () => this.leave_panel() },
        h('acd-icon', { name: 'cross' })),
      h('div', { class: 'panel-title' },
        name && h('acd-avatar', { name }),
        h('div', { class: 'what' }, h('h2', { id: 'panel', tabindex: -1 }, title), about && h('p', { class: 'small quiet' }, about)),
        state),
      actions && h('div', { class: 'row panel-actions' }, actions));
  }

  tiles() {
    const { states, waiting, serving, preparing, oldest } = this.board.settle();
    const here = states.idle + states.offered + states.busy + states.wrapping + states.cooling + states.manual;
    const tile = (key, number, about, extra = null) => h('div', { class: 'tile card' },
      h('h2', null, t(key)), h('p', { class: 'figure number' }, number), h('p', { class: 'small quiet' }, about), extra);
    return h('div', { class: 'tiles' },
      tile('console.waiting', waiting, t('console.waiting.about', { n: this.board.queues.size }),
        h('acd-spark', { points: this.board.total.points(this.d.now()) })),
      tile('console.longest', oldest ? h('acd-clock', { since: oldest.waits_since }) : '–', oldest ? oldest.queue.name : t('console.longest.none')),
      tile('console.serving', serving, t('console.preparing', { n: preparing })),
      tile('console.agents.here', here, t('console.agents.ready', { n: states.idle }),
        h('acd-parts', { of: shares(states) })));
  }
}

run({
  title: 'page.console',
  roles: ['supervisor', 'admin'],
  watch: true,
  open(d, redraw) {
    const console = new Console(d, redraw);
    return { bar: () => console.bar(), main: () => console.main(), end: () => console.close() };
  },
});
