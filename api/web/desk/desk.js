/** The agent's desk: status, queues, work, and who waits. `work.js` shows the work, `queues.js` the queues. */
import { Bell } from '../look/bell.js';
import { draw, h } from '../look/dom.js';
import { about, called } from '../look/facts.js';
import { toast } from '../look/frame.js';
import { log_out, run } from '../look/session.js';
import { KINDS, REASONS } from '../look/states.js';
import { has, said, t } from '../look/texts.js';
import { Lines } from './line.js';
import { Queues } from './queues.js';
import { can_take, Work } from './work.js';

class Desk {
  constructor(d, redraw) {
    this.d = d;
    this.redraw = redraw;
    this.bell = new Bell();
    this.is_busy = false;
    this.queues = new Queues(this);
    this.lines = new Lines(d, redraw);
    this.work = new Work(this);
    this.offs = [d.on('state', () => this.ring())];
    this.ring();
  }

  close() {
    this.bell.stop();
    this.queues.close();
    this.lines.close();
    this.work.close();
    this.offs.forEach((off) => off());
  }

  /** Do something that may be refused. @param {() => Promise<any>} what */
  async act(what) {
    this.is_busy = true;
    this.redraw();
    try {
      return await what();
    } catch (error) {
      toast(said(error));
      return null;
    } finally {
      this.is_busy = false;
      this.redraw();
    }
  }

  button(text, what, { kind = '', icon = '', disabled = false, label = null } = {}) {
    return h('button', { type: 'button', class: kind, disabled: this.is_busy || disabled, 'aria-label': label, onclick: () => this.act(what) },
      icon && h('acd-icon', { name: icon }), text);
  }

  /** What rings: an offer, or somebody who calls. */
  ring() {
    const offer = this.work.offer();
    const { call, user } = this.d.state;
    const name = offer ? called(offer.contact) : (call?.state === 'ringing' && call.callee_id === user.user_id && (call.caller_name || call.caller_id));
    if (name) this.bell.start(() => t('desk.offer.title', { name }));
    else this.bell.stop();
    const said = offer ? t('desk.offer.said', { name, queue: this.queues.name(offer.contact.queue_id) }) : '';
    let host = document.querySelector('#said');
    if (!host) {
      host = document.body.appendChild(document.createElement('div'));
      Object.assign(host, { id: 'said', className: 'unseen' });
      host.setAttribute('role', 'alert');
    }
    if (host.textContent !== said) draw(host, said);
  }

  bar() {
    const { user } = this.d.state;
    const sound = t(this.bell.is_loud ? 'desk.sound.on' : 'desk.sound.off');
    return [
      h('div', { class: 'who' }, h('acd-avatar', { name: user.name }), h('span', null, user.name)),
      h('button', {
        class: 'plain icon-only', title: sound, 'aria-label': sound, 'aria-pressed': this.bell.is_loud,
        onclick: () => {
          this.bell.is_loud = !this.bell.is_loud;
          this.redraw();
        },
      }, h('acd-icon', { name: this.bell.is_loud ? 'sound' : 'mute' })),
      h('button', { class: 'plain icon-only', title: t('logout'), 'aria-label': t('logout'), onclick: () => this.leave() },
        h('acd-icon', { name: 'out' })),
    ];
  }

  /** Stop serving, so that nothing is offered to an empty chair, and go. */
  async leave() {
    await this.act(() => Promise.all(this.queues.served.map(({ queue_id }) => this.d.stop_service({ queue_id }))));
    log_out(this.d);
  }

  main() {
    return h('div', { class: 'desk' }, h('h1', { class: 'unseen' }, t('page.desk')), this.status(), this.work.part(), this.line(), this.queues.part());
  }

  status() {
    const { agent } = this.d.state;
    const is_working = this.queues.served.length > 0;
    const state = is_working ? agent.state : 'offline';
    const dnd = agent?.dnd ?? 0;
    const set = (value, reason = '') => this.act(() => this.d.set_dnd({ dnd: value, reason }));
    const choose = (text, value, is_on) => h('button', {
      type: 'button', 'aria-pressed': is_on, disabled: this.is_busy, onclick: () => set(value, value ? this.reason : ''),
    }, text);
    const reason = REASONS.includes(agent?.dnd_reason) ? agent.dnd_reason : this.reason;
    const shown = agent?.dnd_reason && !REASONS.includes(agent.dnd_reason) ? agent.dnd_reason : null;
    return h('section', { class: `card status ${is_working ? 'working' : ''}`, 'aria-labelledby': 'you' },
      h('header', null, h('h2', { id: 'you' }, t('desk.you')),
        h('acd-state', { kind: KINDS[state] ?? null, text: t(`state.${state}`) }),
        is_working && h('acd-clock', { class: 'quiet small', since: agent.since_at })),
      h('div', { class: 'body stack' },
        h('div', { class: 'segments', role: 'group', 'aria-labelledby': 'you' },
          choose(t('desk.ready'), 0, dnd === 0), choose(t('desk.not_ready'), 1, dnd !== 0)),
        dnd !== 0 && h('label', { class: 'field' }, h('span', null, t('desk.reason')),
          h('select', { value: shown ?? reason, disabled: this.is_busy, onchange: (event) => this.because(event.target.value) },
            shown && h('option', { value: shown }, has(`desk.reason.${shown}`) ? t(`desk.reason.${shown}`) : shown),
            REASONS.map((one) => h('option', { value: one }, t(`desk.reason.${one}`)))))));
  }

  reason = REASONS[0];

  because(reason) {
    this.reason = reason;
    return this.act(() => this.d.set_dnd({ dnd: 1, reason }));
  }

  line() {
    const is_working = this.queues.served.length > 0;
    const waiting = this.lines.all((id) => this.queues.get(id));
    return h('section', { class: 'card line', 'aria-labelledby': 'line' },
      h('header', null, h('h2', { id: 'line' }, t('desk.line')), h('span', { class: 'count' }, this.lines_count(waiting)),
        is_working && this.button(t('desk.take.next'), () => this.d.request_assignment(),
          { kind: 'tight', disabled: !can_take(this.d.state) || waiting.length === 0 })),
      waiting.length === 0
        ? h('p', { class: 'none quiet' }, t(is_working ? 'desk.line.none' : 'desk.line.off'))
        : h('ol', { tabindex: 0, 'aria-labelledby': 'line' }, waiting.map((contact) => this.waiter(contact))));
  }

  /** The server's counts say more than the lists, which end at 100. */
  lines_count(waiting) {
    const counted = this.queues.served.map(({ queue_id }) => this.lines.counts.get(queue_id)?.wait_num ?? 0);
    return Math.max(waiting.length, counted.reduce((sum, count) => sum + count, 0));
  }

  waiter(contact) {
    const { contact_id, customer_id, queue_id, state } = contact;
    const name = called(contact);
    return h('li', { key: contact_id },
      h('div', { class: 'what' },
        h('strong', null, name),
        h('span', { class: 'small quiet' }, [this.queues.name(queue_id), about(contact)].filter(Boolean).join(' · '))),
      state === 'held' ? h('span', { class: 'count' }, t('desk.held')) : h('acd-clock', { class: 'small', since: contact.queued_at }),
      this.button(t('desk.take'), () => this.d.request_assignment({ queue_id, customer_id }),
        { kind: 'tight', label: t('desk.take.who', { name }), disabled: state === 'held' || !can_take(this.d.state) }));
  }
}

run({
  title: 'page.desk',
  roles: ['agent'],
  open(d, redraw) {
    const desk = new Desk(d, redraw);
    return { bar: () => desk.bar(), main: () => desk.main(), end: () => desk.close() };
  },
});
