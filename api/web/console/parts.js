/** What several views have: filters, states, names that lead somewhere, what can be done with a contact. */
import { h } from '../look/dom.js';
import { ask } from '../look/frame.js';
import { KINDS, STATES } from '../look/states.js';
import { t } from '../look/texts.js';

export const link = (/** @type {string} */ view, /** @type {string} */ id) => `#/${view}/${encodeURIComponent(id)}`;

/** @param {string} state @param {any} [props] */
export const state_of = (state, props) => h('acd-state', { kind: KINDS[state] ?? null, text: t(`state.${state}`), ...props });

/** States as `acd-parts` takes them, without those who are not there. @param {Record<string, number>} states */
export const shares = (states) => STATES.filter((state) => state !== 'offline' && states[state]).map((state) => `${state}:${states[state]}`).join(',');

/**
 * A search, and kinds of which one is chosen.
 * @param {{ label: string, search: string, seek: (text: string) => void, kinds?: { key: string, text: string, n?: number }[],
 *   kind?: string, choose?: (key: string) => void, sorts?: [string, string][], sort?: string, order?: (key: string) => void, more?: any }} what
 */
export function filters({ label, search, seek, kinds = [], kind, choose, sorts = [], sort, order, more }) {
  return h('div', { class: 'filters' },
    h('label', { class: 'search' }, h('acd-icon', { name: 'search' }), h('span', { class: 'unseen' }, label),
      h('input', { type: 'search', value: search, placeholder: label, autocomplete: 'off', oninput: (event) => seek(event.target.value) })),
    kinds.length > 0 && h('div', { class: 'chips', role: 'group', 'aria-label': t('console.filter') }, kinds.map(({ key, text, n }) =>
      h('button', { type: 'button', class: 'chip', 'aria-pressed': kind === key, onclick: () => choose(key) },
        text, n !== undefined && h('span', { class: 'count' }, n)))),
    sorts.length > 0 && h('label', { class: 'sorts' }, h('span', { class: 'unseen' }, t('console.sort')),
      h('select', { value: sort, onchange: (event) => order(event.target.value) }, sorts.map(([key, text]) => h('option', { value: key }, text)))),
    more);
}

/** A number with its name. */
export const stat = (/** @type {string} */ name, /** @type {any} */ value) =>
  h('div', { class: 'stat' }, h('dt', { class: 'small quiet' }, name), h('dd', { class: 'number' }, value));

export const nothing = (/** @type {string} */ icon, /** @type {string} */ title, /** @type {any} */ more = null) =>
  h('div', { key: 'nothing', class: 'empty' }, h('acd-icon', { name: icon }), h('p', null, title), more);

export const icon_button = (/** @type {string} */ icon, /** @type {string} */ label, /** @type {() => void} */ onclick, kind = 'plain') =>
  h('button', { type: 'button', class: `icon-only tight ${kind}`, title: label, 'aria-label': label, onclick }, h('acd-icon', { name: icon }));

/** A field of a form: its name, and what it is for. @param {string} text @param {any} input @param {string | null} [hint] */
export function field(text, input, hint = null) {
  const { props } = input.tag === 'span' ? input.children[0] : input;
  const id = `about-${props.name}`;
  if (hint) props['aria-describedby'] = id;
  return h('div', { class: 'field' }, h('label', null, h('span', null, text), input), hint && h('small', { id, class: 'quiet' }, hint));
}

/** Compare as people of the page's language do. */
let collator = { lang: '', compare: (/** @type {string} */ one, /** @type {string} */ other) => (one < other ? -1 : 1) };
export function compare(/** @type {string} */ one, /** @type {string} */ other) {
  const { lang } = document.documentElement;
  if (collator.lang !== lang) collator = { lang, compare: new Intl.Collator(lang, { numeric: true }).compare };
  return collator.compare(one, other);
}

/**
 * Ask where to, and move or transfer the contact there.
 * @param {any} console @param {{ contact_id: string, name: string, queue_id: string, state: string }} contact
 */
export async function move(console, { contact_id, name, queue_id, state }) {
  const { board, d } = console;
  const is_serving = state === 'serving';
  const queues = [...board.queues.values()].map(({ queue }) => queue)
    .filter((queue) => queue.open && !queue.deleting && (is_serving || queue.queue_id !== queue_id)).sort((one, other) => compare(one.name, other.name));
  const agents = is_serving ? [...board.agents.values()].filter((agent) => agent.state === 'idle').sort((one, other) => compare(one.name, other.name)) : [];
  const option = (kind, id, text) => h('option', { value: JSON.stringify({ [kind]: id }) }, text);
  await ask({
    title: t('console.move.who', { name }),
    yes: t('console.move'),
    about: field(t('console.move.to'), h('select', { name: 'to', required: true },
      h('optgroup', { label: t('desk.transfer.queues') }, queues.map((queue) => option('queue_id', queue.queue_id, queue.name))),
      agents.length > 0 && h('optgroup', { label: t('desk.transfer.agents') }, agents.map((agent) => option('agent_id', agent.agent_id, agent.name)))),
    t('console.move.about')),
    act: (form) => d.transfer({ contact_id, ...JSON.parse(String(form.get('to'))) }),
  });
  console.redraw();
}

/** @param {any} console @param {{ contact_id: string, name: string }} contact */
export async function remove(console, { contact_id, name }) {
  await ask({
    title: t('console.remove.who', { name }), about: t('console.remove.about'), yes: t('console.remove'), kind: 'danger',
    act: () => console.d.http.remove_contact(contact_id),
  });
  console.redraw();
}

/** The two buttons that go with a contact. */
export const contact_actions = (/** @type {any} */ console, /** @type {any} */ contact) => [
  contact.state !== 'preparing' && icon_button('forward', t('console.move.who', contact), () => move(console, contact)),
  icon_button('cross', t('console.remove.who', contact), () => remove(console, contact)),
];
