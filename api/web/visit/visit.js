/**
 * The customer's page: choose a queue, wait, be called, be served. `?queue=` chooses one, `?about=` tells the agent
 * something, `?tenant=` says whose page it is (then that tenant's origins may frame it).
 */
import { Bell } from '../look/bell.js';
import { h } from '../look/dom.js';
import { ask, bar, toast } from '../look/frame.js';
import { all_queues } from '../look/queues.js';
import { run } from '../look/session.js';
import { duration, has, said, t } from '../look/texts.js';

const REFRESH_S = 10;
/** So soon the customer sees that the agent's connection broke, or is there again. */
const LOOK_S = 3;
/** Where the contact has a line, or an offer, to leave. */
const LEAVABLE = new Set(['waiting', 'held', 'preparing']);
const asked = new URLSearchParams(location.search);

class Visit {
  constructor(d, redraw) {
    this.d = d;
    this.redraw = redraw;
    this.bell = new Bell();
    this.queues = null;
    this.chosen = asked.get('queue');
    this.ended = null;
    this.is_returned = false;
    this.estimate_s = null;
    this.is_busy = false;
    this.offs = [
      d.on('contact.ended', (contact) => this.end(contact)),
      d.on('contact.returned', () => (this.is_returned = true)),
      d.on('contact.matched', () => (this.is_returned = false)),
      d.on('queuing.info', (info) => (this.estimate_s = info.estimated_wait_s ?? null)),
      d.on('state', () => {
        this.ring();
        this.tell();
        // The question would stand before the call that is to be answered.
        if (d.state.call || !LEAVABLE.has(d.state.contact?.state)) this.leaving?.abort();
      }),
      d.on('connection', ({ connected }) => connected && this.refresh()),
    ];
    this.is_agent_lost = false;
    this.timer = setInterval(() => this.refresh(), REFRESH_S * 1000);
    this.looking = setInterval(() => this.look(), LOOK_S * 1000);
    this.refresh();
    this.ring();
    this.look();
    this.tell();
  }

  close() {
    clearInterval(this.timer);
    clearInterval(this.looking);
    this.bell.stop();
    this.offs.forEach((off) => off());
  }

  /** Read the queues, while there is one to choose. */
  async refresh() {
    const { d } = this;
    if (d.state.contact || this.ended || !d.connected) return;
    try {
      this.queues = await all_queues(d);
      const able = this.queues.filter(can_join);
      if (!able.some((queue) => queue.queue_id === this.chosen)) this.chosen = able[0]?.queue_id ?? null;
      this.redraw();
    } catch { /* the next look, or the next connection, brings them */ }
  }

  end(contact) {
    this.ended = contact.reason ?? 'unknown';
    this.is_returned = false;
    this.estimate_s = null;
  }

  ring() {
    const { call, user } = this.d.state;
    const is_ringing = call?.state === 'ringing' && call.callee_id === user.user_id;
    if (is_ringing) this.bell.start(() => t('desk.offer.title', { name: t('visit.ringing', { agent: call.caller_name || call.caller_id }) }));
    else this.bell.stop();
  }

  /** Look whether the agent is there: his connection may break while he serves. */
  async look() {
    const { contact, call, user } = this.d.state;
    const user_id = contact?.agent_id ?? (call && other_party(call, user));
    const status = user_id && this.d.connected ? await this.d.get_user_status({ user_id }).catch(() => null) : null;
    const is_lost = status?.status === 'offline';
    if (is_lost === this.is_agent_lost) return;
    this.is_agent_lost = is_lost;
    this.redraw();
  }

  /** Tell the site in whose frame this stands: its widget shows the place while it is closed. */
  tell() {
    if (window.parent === window) return;
    const { contact, call, user } = this.d.state;
    const state = call?.state === 'ringing' && call.callee_id === user.user_id ? 'ringing' : contact?.state ?? 'none';
    window.parent.postMessage({ acd: { state, position: contact?.position ?? null } }, '*');
  }

  /** Do something that may be refused. @param {() => Promise<any>} what */
  async act(what) {
    this.is_busy = true;
    this.redraw();
    try {
      await what();
    } catch (error) {
      toast(said(error));
    } finally {
      this.is_busy = false;
      this.redraw();
    }
  }

  join(event) {
    event.preventDefault();
    const ext = String(new FormData(event.target).get('about') ?? '').trim();
    return this.act(() => this.d.start_queuing({ queue_id: this.chosen, ext }));
  }

  async leave() {
    const sure = { title: t('visit.leave.sure'), about: t('visit.leave.why'), kind: 'danger' };
    this.leaving = new AbortController();
    const answer = await ask({ ...sure, yes: t('visit.leave.yes'), no: t('visit.leave.no'), signal: this.leaving.signal });
    if (answer && this.d.state.contact) await this.act(() => this.d.stop_queuing());
  }

  button(text, what, { kind = '', icon = '' } = {}) {
    return h('button', { key: text, class: `big ${kind}`, disabled: this.is_busy, onclick: () => this.act(what) },
      icon && h('acd-icon', { name: icon }), text);
  }

  main() {
    const { contact, call } = this.d.state;
    const part = call ? this.talk(call)
      : contact ? this[contact.state](contact)
      : this.ended ? this.over()
      : this.choose();
    return h('div', { class: 'visit' }, h('section', { class: 'card sheet', 'aria-live': 'polite' }, part));
  }

  choose() {
    if (!this.queues) return h('div', { class: 'center' }, h('div', { class: 'spinner' }));
    return h('form', { key: 'choose', class: 'stack', onsubmit: (event) => this.join(event) },
      h('h1', null, t('visit.choose')),
      this.queues.length === 0 ? h('p', { class: 'quiet' }, t('visit.none')) : [
        h('fieldset', { class: 'choices' }, h('legend', { class: 'unseen' }, t('visit.queue')),
          this.queues.map((queue) => this.choice(queue))),
        h('label', { class: 'field' }, h('span', null, t('visit.about')),
          h('textarea', { name: 'about', maxlength: 1000, rows: 2, placeholder: t('visit.about.hint') })),
        h('button', { class: 'primary big', disabled: this.is_busy || !this.chosen }, t('visit.join')),
      ]);
  }

  choice(queue) {
    const { queue_id, name, description, status } = queue;
    const waiting = status?.wait_num ? t('visit.waiting', { n: status.wait_num }) : t('visit.nobody');
    const agents = status?.agent_num ? t('visit.agents', { n: status.agent_num }) : t('visit.no_agents');
    return h('label', { key: queue_id, class: 'choice' },
      h('input', {
        type: 'radio', name: 'queue', value: queue_id, checked: this.chosen === queue_id, disabled: !can_join(queue),
        onchange: () => {
          this.chosen = queue_id;
          this.redraw();
        },
      }),
      h('span', { class: 'what' }, h('strong', null, name), description && h('span', { class: 'small quiet' }, description)),
      h('span', { class: 'counts small quiet' }, queue.open ? [h('span', null, waiting), h('span', null, agents)] : t('visit.closed')));
  }

  waiting(contact) {
    const { position } = contact;
    return h('div', { key: 'waiting', class: 'stack place' },
      this.is_returned && h('p', { class: 'note warn' }, t('visit.returned')),
      h('h1', { class: 'label quiet' }, t('visit.position')),
      h('p', { class: 'position number' }, position ?? '–'),
      h('p', null, position === 1 ? t('visit.next') : position ? t('visit.before', { n: position - 1 }) : ''),
      h('p', { class: 'waited' }, h('acd-icon', { name: 'clock' }), `${t('visit.waited')} `, h('acd-clock', { since: contact.queued_at })),
      this.estimate_s !== null && h('p', { class: 'quiet' }, t('visit.estimate', { time: duration(this.estimate_s) })),
      contact.state === 'held' && h('p', { class: 'note' }, t('visit.held')),
      h('p', { class: 'small quiet' }, t('visit.keep')),
      h('button', { class: 'big', disabled: this.is_busy, onclick: () => this.leave() }, t('visit.leave')));
  }

  held(contact) {
    return this.waiting(contact);
  }

  with_agent(key, name, title, about, buttons) {
    return h('div', { key, class: `stack place ${key}` },
      this.is_agent_lost && h('p', { class: 'note warn' }, t('visit.agent.lost', { agent: name })),
      h('acd-avatar', { class: 'large', name }),
      h('h1', null, title),
      about && h('p', { class: 'quiet' }, about),
      h('div', { class: 'buttons' }, buttons));
  }

  preparing({ agent_id }) {
    return this.with_agent('preparing', agent_id, t('visit.matched'), t('visit.matched.about', { agent: agent_id }),
      h('button', { class: 'big', disabled: this.is_busy, onclick: () => this.leave() }, t('visit.leave')));
  }

  serving({ agent_id }) {
    return this.with_agent('serving', agent_id, t('visit.serving', { agent: agent_id }), null,
      this.button(t('visit.finish'), () => this.d.stop_queuing()));
  }

  talk(call) {
    const { call_id } = call;
    const is_mine = call.caller_id === this.d.state.user.user_id;
    const agent = (is_mine ? call.callee_name : call.caller_name) || other_party(call, this.d.state.user);
    const hangup = this.button(t('visit.hangup'), () => this.d.hangup({ call_id }), { kind: 'danger', icon: 'hangup' });
    if (call.state !== 'ringing' || is_mine) {
      return this.with_agent('talking', agent, t('visit.talking', { agent }), h('acd-clock', { since: call.started_at }), hangup);
    }
    return this.with_agent('ringing', agent, t('visit.ringing', { agent }), t('visit.ringing.about'), [
      this.button(t('visit.answer'), () => this.d.accept_call({ call_id }), { kind: 'primary', icon: 'phone' }),
      this.button(t('visit.refuse'), () => this.d.reject_call({ call_id })),
    ]);
  }

  over() {
    const key = `visit.ended.${this.ended}`;
    const about = this.ended === 'completed' ? 'completed' : 'other';
    const again = () => {
      this.ended = null;
      this.refresh();
      this.redraw();
    };
    return h('div', { key: 'over', class: 'stack place' },
      h('acd-icon', { class: 'sign', name: this.ended === 'completed' ? 'check' : 'visit' }),
      h('h1', null, t(has(key) ? key : 'visit.ended.unknown')),
      h('p', { class: 'quiet' }, t(`visit.ended.about.${about}`)),
      h('button', { class: 'primary big', onclick: again }, t('visit.again')));
  }
}

const can_join = ({ open, deleting, join_when_no_agents, status }) =>
  open && !deleting && (join_when_no_agents || status?.agent_num > 0);

const other_party = (call, user) => (call.caller_id === user.user_id ? call.callee_id : call.caller_id);

run({
  title: 'page.visit',
  roles: ['customer'],
  open(d, redraw) {
    const visit = new Visit(d, redraw);
    return { main: () => visit.main(), end: () => visit.close() };
  },
});
