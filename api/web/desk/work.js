/** What the agent holds: an offer, a contact he prepares, one he serves; or why there is nothing. */
import { h } from '../look/dom.js';
import { called, facts } from '../look/facts.js';
import { ask, toast } from '../look/frame.js';
import { duration, has, t } from '../look/texts.js';

/** Whether the agent may ask for a contact. */
export const can_take = ({ agent, assignments, call }) =>
  Boolean(agent) && !call && assignments.length < agent.capacity && assignments.every((one) => one.state === 'serving');

export class Work {
  constructor(desk) {
    this.desk = desk;
    this.d = desk.d;
    /** When each offer came (epoch ms), for the bar of its time. @type {Map<string, number>} */
    this.seen = new Map();
    this.last_queue = null;
    this.offs = ['assignment.cancelled', 'assignment.completed'].map((event) => this.d.on(event, (data) => this.gone(data)));
  }

  close() {
    this.offs.forEach((off) => off());
  }

  offer() {
    return this.d.state.assignments.find((one) => one.state === 'offered');
  }

  gone({ reason, contact, state }) {
    this.last_queue = contact.queue_id;
    const why = state === 'missed' ? state : reason ?? contact.reason;
    if (state === 'completed' && (!why || why === 'completed')) return;
    const key = `desk.gone.${why}`;
    toast(t(has(key) ? key : 'desk.gone.other', { name: called(contact) }));
  }

  part() {
    const { assignments, call, user } = this.d.state;
    const other = call && !assignments.some((one) => one.contact.contact_id === call.contact_id);
    const parts = [
      other && this.other_call(call, user),
      ...assignments.map((one) => this.assignment(one, call?.contact_id === one.contact.contact_id ? call : null)),
    ].filter(Boolean);
    return h('section', { class: 'work', 'aria-label': t('desk.work') }, parts.length ? parts : this.nothing());
  }

  nothing() {
    const { agent } = this.d.state;
    const is_working = this.desk.queues.served.length > 0;
    const state = !is_working ? 'off' : ['manual', 'wrapping', 'cooling'].includes(agent.state) ? agent.state : 'idle';
    const finish = state === 'wrapping' || state === 'cooling';
    return h('div', { key: 'nothing', class: `card nothing ${state}` },
      h('acd-icon', { name: finish ? 'clock' : 'desk' }),
      h('h2', null, t(`desk.${state}`)),
      finish && this.rest(agent, state),
      h('p', { class: 'quiet' }, t(`desk.${state}.about`)),
      finish && this.desk.button(t('desk.finish'), () => this.d.set_dnd({ dnd: 0 }), { kind: 'primary' }));
  }

  /** What is left of wrap-up or cool-down, where the queue is known; else how long it has been. */
  rest({ since_at }, state) {
    const queue = this.desk.queues.get(this.last_queue);
    const seconds = state === 'wrapping' ? queue?.wrap_up : queue?.reject_cooldown;
    if (!seconds) return h('acd-clock', { class: 'big-clock', since: since_at });
    const until = since_at + seconds * 1000;
    return [h('acd-clock', { class: 'big-clock', until }), h('acd-bar', { since: since_at, until })];
  }

  assignment(assignment, call) {
    const { assignment_id, state, contact, deadline_at, why } = assignment;
    if (deadline_at && !this.seen.has(assignment_id + state)) this.seen.set(assignment_id + state, this.d.now());
    const label = state === 'serving' ? (call ? 'desk.in_call' : 'desk.in_service')
      : call ? 'desk.calling' : state === 'offered' ? 'desk.offer' : 'desk.accepted';
    const is_timed = deadline_at && !call;
    return h('article', { key: assignment_id, class: `card holding ${state}`, 'data-state': state },
      is_timed && h('acd-bar', { since: this.seen.get(assignment_id + state), until: deadline_at }),
      h('header', null,
        h('h2', null, t(label)),
        is_timed ? h('span', { class: 'small' }, h('acd-clock', { until: deadline_at }), ` ${t('desk.left')}`)
          : h('acd-clock', { since: call ? call.started_at : this.d.state.agent?.since_at ?? this.d.now() })),
      h('div', { class: 'body' },
        h('div', { class: 'customer' },
          h('acd-avatar', { class: 'large', name: called(contact) }),
          h('div', null,
            h('h3', null, called(contact)),
            h('p', { class: 'quiet' }, [
              this.desk.queues.name(contact.queue_id), t('desk.waited', { time: duration(contact.queuing_time_s) }),
              why && t(`why.${why.rule}`),
            ].filter(Boolean).join(' · ')))),
        h('dl', null, facts(contact.ext).map(([name, value], index) => h('div', { key: index },
          name && h('dt', { class: 'small quiet' }, name), h('dd', null, value)))),
        h('div', { class: 'row actions' }, this.actions(assignment, call))));
  }

  actions({ assignment_id, state, contact }, call) {
    const { contact_id, customer_id } = contact;
    const button = this.desk.button.bind(this.desk);
    const reject = button(t('desk.reject'), () => this.d.reject({ assignment_id }), { kind: 'big', icon: 'cross' });
    if (call) {
      return [
        button(t('desk.hangup'), () => this.d.hangup({ call_id: call.call_id }), { kind: 'big danger', icon: 'hangup' }),
        state === 'serving' && this.transfer(contact),
      ];
    }
    if (state === 'offered') {
      return [button(t('desk.accept'), () => this.d.accept({ assignment_id }), { kind: 'big primary', icon: 'check' }), reject];
    }
    if (state === 'accepted') {
      return [
        button(t('desk.call'), () => this.d.call({ callee: customer_id }), { kind: 'big primary', icon: 'phone' }),
        button(t('desk.begin'), () => this.d.start({ contact_id }), { kind: 'big' }),
        reject,
      ];
    }
    return [button(t('desk.complete'), () => this.d.complete({ contact_id }), { kind: 'big primary', icon: 'check' }), this.transfer(contact)];
  }

  other_call(call, user) {
    const { call_id } = call;
    const is_incoming = call.callee_id === user.user_id;
    const name = is_incoming ? call.caller_name || call.caller_id : call.callee_name || call.callee_id;
    const button = this.desk.button.bind(this.desk);
    const is_ringing = call.state === 'ringing';
    return h('article', { key: call_id, class: `card holding ${is_ringing && is_incoming ? 'offered' : 'serving'}` },
      h('header', null, h('h2', null, is_ringing && is_incoming ? t('desk.incoming', { name }) : t('desk.in_call')),
        h('acd-clock', { since: call.started_at })),
      h('div', { class: 'body' },
        h('div', { class: 'customer' }, h('acd-avatar', { class: 'large', name }), h('h3', null, name)),
        h('div', { class: 'row actions' },
          is_ringing && is_incoming && button(t('desk.accept'), () => this.d.accept_call({ call_id }), { kind: 'big primary', icon: 'phone' }),
          is_ringing && is_incoming
            ? button(t('desk.reject'), () => this.d.reject_call({ call_id }), { kind: 'big' })
            : button(t('desk.hangup'), () => this.d.hangup({ call_id }), { kind: 'big danger', icon: 'hangup' }))));
  }

  transfer(contact) {
    return h('button', { type: 'button', class: 'big', disabled: this.desk.is_busy, onclick: () => this.choose(contact) },
      h('acd-icon', { name: 'forward' }), t('desk.transfer'));
  }

  /** Ask where to, and send the contact there. */
  async choose({ contact_id }) {
    const agents = await this.ready_agents();
    const queues = [...(this.desk.queues.known?.values() ?? [])].filter((queue) => queue.open && !queue.deleting);
    const option = (kind, id, name) => h('option', { value: JSON.stringify({ [kind]: id }) }, name);
    const answer = await ask({
      title: t('desk.transfer'),
      yes: t('desk.transfer'),
      about: h('label', { class: 'field' }, h('span', null, t('desk.transfer.to')),
        h('select', { name: 'to' },
          h('optgroup', { label: t('desk.transfer.queues') }, queues.map((queue) => option('queue_id', queue.queue_id, queue.name))),
          agents.length > 0 && h('optgroup', { label: t('desk.transfer.agents') },
            agents.map((agent) => option('agent_id', agent.agent_id, agent.name))))),
    });
    if (!answer) return;
    await this.desk.act(() => this.d.transfer({ contact_id, ...JSON.parse(String(answer.get('to'))) }));
  }

  /** Those of the agent's own queues who are idle now. */
  async ready_agents() {
    const pages = await Promise.all(this.desk.queues.served.map(({ queue_id }) =>
      this.d.http.list_queue_agents(queue_id, { limit: 100 }).catch(() => ({ items: [] }))));
    const agents = new Map(pages.flatMap((page) => page.items).map((agent) => [agent.agent_id, agent]));
    return [...agents.values()].filter((agent) => agent.state === 'idle' && agent.agent_id !== this.d.state.user.user_id);
  }
}
