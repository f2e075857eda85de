/** A contact's story, event by event, from the log; it goes on while it is looked at. */
import { h } from '../look/dom.js';
import { called, facts } from '../look/facts.js';
import { duration, said, t } from '../look/texts.js';
import { link, move, nothing, remove, stat } from './parts.js';
import { because, tell } from './words.js';

export class Story {
  constructor(console) {
    this.console = console;
    this.d = console.d;
    this.id = null;
    this.steps = [];
    this.stop = new AbortController();
  }

  close() {
    this.stop.abort();
  }

  /** @param {string | null} id null: none */
  open(id) {
    if (id === this.id) return;
    this.stop.abort();
    [this.id, this.steps, this.contact, this.error, this.stop] = [id, [], null, '', new AbortController()];
    if (id) this.follow(id, this.stop.signal);
  }

  async follow(id, signal) {
    this.read(id);
    try {
      for await (const { at, events } of this.d.http.events({ contact: id, signal })) {
        if (signal.aborted) return;
        for (const event of events) {
          this.steps.push({ at, ...event });
          const contact = event.event.startsWith('contact.') ? event.data : event.data.contact;
          if (contact?.contact_id === id) this.contact = { ...this.contact, ...contact };
        }
        this.console.redraw_live();
      }
    } catch (error) {
      if (!signal.aborted) this.error = said(error);
      this.console.redraw();
    }
  }

  /** As it is now: the log may no longer reach back to its beginning. */
  async read(id) {
    const contact = await this.d.http.get_contact(id).catch(() => null);
    if (id !== this.id) return;
    this.contact ??= contact;
    this.console.redraw();
  }

  panel() {
    const { contact, steps, id } = this;
    const { board } = this.console;
    if (!contact) {
      return [this.console.head({ title: String(id) }), this.error ? h('p', { class: 'note bad' }, this.error) : nothing('visit', t('console.story.none'))];
    }
    const is_open = contact.state !== 'ended';
    return [
      this.console.head({
        title: called(contact), about: `${contact.customer_id} · ${contact.contact_id}`, name: called(contact),
        actions: is_open && [
          contact.state !== 'preparing' && h('button', { type: 'button', class: 'tight', onclick: () => move(this.console, contact) },
            h('acd-icon', { name: 'forward' }), t('console.move')),
          h('button', { type: 'button', class: 'tight', onclick: () => remove(this.console, contact) }, h('acd-icon', { name: 'cross' }), t('console.remove')),
        ],
      }),
      h('dl', { class: 'stats' },
        stat(t('console.state'), h('acd-state', { kind: is_open ? 'accent' : null, text: t(`contact.${contact.state}`) })),
        stat(t('console.queue'), h('a', { href: link('queues', contact.queue_id) }, board.name(contact.queue_id))),
        stat(t('console.agent'), contact.agent_id ? h('a', { href: link('agents', contact.agent_id) }, board.agent_name(contact.agent_id)) : '–'),
        stat(t('console.waited'), contact.state === 'waiting' || contact.state === 'held' ? h('acd-clock', { since: contact.queued_at }) : duration(contact.queuing_time_s))),
      !is_open && contact.reason && h('p', { class: 'note' }, t('console.ended', { reason: because(contact.reason) })),
      contact.ext && h('dl', { class: 'pairs part' }, facts(contact.ext).map(([name, value], index) => h('div', { key: index }, h('dt', null, name || t('console.ext')), h('dd', null, value)))),
      h('section', { class: 'part' }, h('h3', null, t('console.story'), h('span', { class: 'count' }, steps.length)),
        h('ol', { class: 'story', 'aria-label': t('console.story') }, steps.map((step, index) => this.step(step, index, steps[index - 1])))),
    ];
  }

  step(step, index, before) {
    const { text, reason, kind } = tell(step, this.console.board);
    const later_s = before ? Math.round((step.at - before.at) / 1000) : 0;
    return h('li', { key: index, class: kind ?? '' },
      h('div', { class: 'row nowrap' }, h('acd-time', { class: 'small quiet number', at: step.at }), later_s > 0 && h('span', { class: 'small quiet number' }, `+${duration(later_s)}`)),
      h('p', null, text, reason && h('span', { class: 'quiet' }, ` · ${reason}`)),
      h('details', null, h('summary', { class: 'small quiet' }, step.event), h('pre', { class: 'small', tabindex: 0 }, JSON.stringify(step.data, null, 2))));
  }
}
