/** The first page: the others one click away; in the demo, with people to be. */
import { draw, h } from '../look/dom.js';
import '../look/elements.js';
import { bar } from '../look/frame.js';
import { on_language, t } from '../look/texts.js';

const PAGES = ['visit', 'desk', 'console'];
const LINKS = [['/openapi.json', 'start.api'], ['/asyncapi.json', 'start.socket'], ['/sdk/dispatcher.js', 'start.sdk']];

/**
 * Only the demo has this address, and only it sends here with `?demo`.
 * @type {{ simulated: boolean, people: Record<string, { name: string, token: string }[]> } | null}
 */
let demo = null;

const address = (/** @type {string} */ page, /** @type {{ token: string }} */ { token }) => `/${page}#token=${token}`;

function card(/** @type {string} */ page) {
  const [first, ...others] = demo?.people[page] ?? [];
  const opens = { class: 'button primary big', target: demo ? '_blank' : null, rel: 'noopener' };
  return h('li', { class: 'card door' },
    h('acd-icon', { name: page }),
    h('h2', null, t(`start.${page}`)),
    h('p', { class: 'quiet' }, t(`start.${page}.about`)),
    h('div', { class: 'open' },
      first
        ? h('a', { ...opens, href: address(page, first) }, t('start.as', first))
        : h('a', { ...opens, href: `/${page}` }, t('start.open')),
      others.length > 0 && h('p', { class: 'small quiet' }, `${t('start.more')} `,
        others.map((person, index) => [
          index > 0 && ', ', h('a', { href: address(page, person), target: '_blank', rel: 'noopener' }, person.name),
        ]))));
}

function show() {
  document.title = t('page.start');
  draw(document.querySelector('#page'), bar(), h('main', { class: 'start' },
    h('h1', null, t('start.title')),
    h('p', { class: 'lead quiet' }, t('start.about')),
    demo && h('p', { class: 'note' }, t(demo.simulated ? 'start.demo' : 'start.demo.alone')),
    h('ul', { class: 'doors' }, PAGES.map(card)),
    h('ul', { class: 'row small' }, LINKS.map(([href, text]) => h('li', null, h('a', { href }, t(text)))))));
}

if (new URLSearchParams(location.search).has('demo')) {
  demo = await fetch('/demo/people').then((response) => (response.ok ? response.json() : null), () => null);
}
on_language(show);
window.addEventListener('redraw', show);
show();
