/** A queue's whole policy: shown, and edited. */
import { h } from '../look/dom.js';
import { ask } from '../look/frame.js';
import { t } from '../look/texts.js';
import { field } from './parts.js';

const DAY_S = 86_400;

/** The members as the server checks them. `unit`: what its number counts; 0 of `none` is told in words. */
export const POLICY = [
  { name: 'priority', group: 'order', least: 0, most: 1000, begin: 10 },
  { name: 'service_level', group: 'order', unit: 's', least: 1, most: DAY_S, begin: 20 },
  { name: 'max_waiting', group: 'limits', least: 0, most: 1_000_000_000, begin: 0, none: true },
  { name: 'max_wait', group: 'limits', unit: 's', least: 0, most: DAY_S, begin: 0, none: true },
  { name: 'join_when_no_agents', group: 'limits', is_flag: true, begin: true },
  { name: 'offer_timeout', group: 'times', unit: 's', least: 1, most: DAY_S, begin: 30 },
  { name: 'connect_timeout', group: 'times', unit: 's', least: 1, most: DAY_S, begin: 60 },
  { name: 'ring_timeout', group: 'times', unit: 's', least: 1, most: DAY_S, begin: 30 },
  { name: 'reject_cooldown', group: 'times', unit: 's', least: 1, most: DAY_S, begin: 5 },
  { name: 'wrap_up', group: 'times', unit: 's', least: 0, most: DAY_S, begin: 0 },
  { name: 'missed_limit', group: 'times', least: 0, most: 1000, begin: 3, none: true },
];
const GROUPS = ['order', 'limits', 'times'];

/** A value in words. */
export function shown({ is_flag, none, unit }, value) {
  if (is_flag) return t(value ? 'yes' : 'no');
  if (none && value === 0) return t('policy.none');
  return unit ? t('policy.seconds', { n: value }) : value;
}

/** Create a queue, or change `queue`. @param {any} console @param {any} [queue] */
export async function edit_queue(console, queue = null) {
  const { http } = console.d;
  const done = await ask({
    title: queue ? t('console.queue.edit', queue) : t('console.queue.new'),
    yes: t(queue ? 'save' : 'console.queue.create'),
    size: 'wide',
    about: form(queue),
    act: (form) => (queue ? http.update_queue(queue.queue_id, changed(form, queue)) : http.create_queue(given(form))),
  });
  const id = queue?.queue_id ?? done?.get('queue_id');
  if (done && id && !queue) location.hash = `#/queues/${encodeURIComponent(String(id))}`;
  console.redraw();
}

function form(queue) {
  return h('div', { class: 'stack' },
    h('div', { class: 'fields' },
      field(t('policy.name'), h('input', { name: 'name', maxlength: 64, initial: queue?.name ?? '', required: Boolean(queue), autocomplete: 'off' })),
      !queue && field(t('policy.queue_id'), h('input', { name: 'queue_id', maxlength: 64, pattern: '[A-Za-z0-9_.\\-]{1,64}', autocomplete: 'off', autocapitalize: 'none' }), t('policy.queue_id.about'))),
    field(t('policy.description'), h('input', { name: 'description', maxlength: 200, initial: queue?.description ?? '', autocomplete: 'off' })),
    h('label', { class: 'check' }, h('input', { type: 'checkbox', name: 'open', initial: queue?.open ?? true }),
      h('span', null, t('policy.open'), h('small', { class: 'quiet' }, t('policy.open.about')))),
    GROUPS.map((group) => h('fieldset', { class: 'group' }, h('legend', null, t(`policy.group.${group}`)),
      h('div', { class: 'fields' }, POLICY.filter((one) => one.group === group && !one.is_flag).map((one) => number(one, queue))),
      POLICY.filter((one) => one.group === group && one.is_flag).map(({ name, begin }) => h('label', { class: 'check' },
        h('input', { type: 'checkbox', name, initial: queue?.[name] ?? begin }), h('span', null, t(`policy.${name}`)))))));
}

const number = ({ name, unit, least, most, begin }, queue) => field(t(`policy.${name}`),
  h('span', { class: 'unit' }, h('input', { type: 'number', name, min: least, max: most, step: 1, required: true, initial: queue?.[name] ?? begin, inputmode: 'numeric' }),
    unit && h('span', { class: 'quiet', 'aria-hidden': 'true' }, unit)), t(`policy.${name}.about`));

/** What the form says. Without a name the queue is called as its id, without an id it gets a number. */
function given(form) {
  const texts = ['name', 'queue_id', 'description'].map((name) => [name, String(form.get(name) ?? '').trim()]).filter(([name, text]) => text || name === 'description');
  const flags = ['open', 'join_when_no_agents'].map((name) => [name, form.has(name)]);
  const numbers = POLICY.filter((one) => !one.is_flag).map(({ name }) => [name, Number(form.get(name))]);
  return Object.fromEntries([...texts, ...flags, ...numbers]);
}

/** Only what is another now: somebody else may be changing the rest. */
const changed = (form, queue) => Object.fromEntries(Object.entries(given(form)).filter(([name, value]) => queue[name] !== value));
