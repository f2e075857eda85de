/**
 * Who is at this page: a token from the integrator's own login in the fragment (`#token=…`), the one this tab has, or
 * account and password. `run` keeps the page connected and comes back to the login when that ends.
 */
import { keep, kept, take } from './token.js';
import { connect, login } from '/sdk/dispatcher.js';
import { draw, h } from './dom.js';
import { set_clock } from './elements.js';
import { banner, bar } from './frame.js';
import { browser } from './memory.js';
import { on_language, said, t } from './texts.js';

/** Ends of a login that only a new one mends. */
const LOGIN_ENDED = new Set(['NOT_LOGIN', 'TOKEN_TIMEOUT', 'TOKEN_AUTH_FAILED', 'TOKEN_APPIDNOTEXIST', 'PARAM_ERR']);

/**
 * @typedef {object} Page
 * @property {string} title the key of its title
 * @property {string[]} roles what the user must be one of
 * @property {boolean} [watch] whether it only watches: beside the user's other pages, and drawn when it says so itself
 * @property {(d: any, redraw: () => void) => { bar?: () => any[], main: () => any, end?: () => void }} open
 */

/** Run a page for ever. @param {Page} page */
export async function run(page) {
  let told = '';
  let is_away = false;
  for (;;) {
    const token = kept() ?? (await log_in(page, told));
    told = '';
    const error = await open(page, token, t(is_away ? 'service.away' : 'connecting')).catch((/** @type {any} */ failed) => failed);
    const is_out = kept() === null;
    is_away = !is_out && error?.code === 'UNAVAILABLE';
    if (error?.code === 'KICKOUT_BY_RELOGIN') await replaced(page);
    else if (!is_away && !is_out) {
      keep(null);
      told = LOGIN_ENDED.has(error?.code) ? t('login.ended') : said(error);
    }
  }
}

/** Forget who is here. @param {any} d */
export function log_out(d) {
  keep(null);
  d.close();
}

/**
 * Be connected and show the page, until that ends; answers why.
 * @param {Page} page @param {string} token @param {string} meanwhile
 */
async function open(page, token, meanwhile) {
  const stop_waiting = alone(page, () => h('div', { class: 'row' },
    h('div', { class: 'spinner' }), h('p', { role: 'status' }, meanwhile)));
  const d = await connect('', token, { watch: Boolean(page.watch) }).catch((/** @type {any} */ error) => {
    throw page.watch && error.code === 'API_NO_PERMISSION' ? new Error(t('login.role')) : error;
  }).finally(stop_waiting);
  if (!d.state.user.roles.some((/** @type {string} */ role) => page.roles.includes(role))) {
    d.close();
    throw new Error(t('login.role'));
  }
  set_clock(() => d.now());
  const renewed = () => {
    const newer = take();
    if (newer) d.renew(newer).catch(() => location.reload());
  };
  /** @type {any} what a page says while it is being made is drawn with the rest */
  let redraw = null;
  const parts = page.open(d, () => redraw?.());
  redraw = showing(page, () => [
    bar(parts.bar?.()), banner(d.connected, page.watch ? 'connection.lost.watching' : undefined), h('main', null, parts.main()),
  ]);
  const offs = [d.on('connection', redraw.soon), page.watch ? () => {} : d.on('state', redraw.soon)];
  window.addEventListener('hashchange', renewed);
  const why = await d.closed;
  window.removeEventListener('hashchange', renewed);
  offs.forEach((off) => off());
  parts.end?.();
  redraw.stop();
  return why;
}

/** A hidden page has no frames, and nobody looks at it. */
const HIDDEN_MS = 250;

/** Draw the body now, `soon` (with the next frame), and when language or theme change, until `stop`. */
function showing(page, parts) {
  let is_due = false;
  const host = /** @type {Element} */ (document.querySelector('#page'));
  const now = () => {
    const focused = /** @type {HTMLElement} */ (document.activeElement);
    draw(host, ...parts());
    if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  };
  const due = () => {
    is_due = false;
    if (!stopped) now();
  };
  const later = () => {
    if (is_due || stopped) return;
    is_due = true;
    if (document.hidden) setTimeout(due, HIDDEN_MS);
    else requestAnimationFrame(due);
  };
  let stopped = false;
  const name = () => {
    document.title = t(page.title);
    now();
  };
  const off = on_language(name);
  window.addEventListener('redraw', now);
  name();
  return Object.assign(later, {
    soon: later,
    stop() {
      stopped = true;
      off();
      window.removeEventListener('redraw', now);
    },
  });
}

/** Show one thing in the middle of the page; answers what ends that. */
function alone(page, part) {
  return showing(page, () => [bar(), h('main', { class: 'center' }, part())]).stop;
}

/** @param {Page} page */
function replaced(page) {
  return new Promise((done) => {
    const stop = alone(page, () => h('div', { class: 'card sheet stack' },
      h('h1', null, t('replaced')), h('p', { class: 'quiet' }, t('replaced.why')),
      h('button', { class: 'primary big', onclick: () => (stop(), done(null)) }, t('replaced.here'))));
  });
}

/** Ask for account and password; answers a token. @param {Page} page @param {string} told */
function log_in(page, told) {
  const tenant = new URLSearchParams(location.search).get('tenant') ?? browser.get('tenant') ?? '';
  let is_busy = false;
  return new Promise((done) => {
    const submit = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      const who = Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target)));
      is_busy = true;
      told = '';
      window.dispatchEvent(new Event('redraw'));
      try {
        const { token } = await login('', { ...who, ttl_s: 86_400 / 2 });
        browser.set('tenant', String(who.tenant));
        keep(token);
        stop();
        done(token);
      } catch (error) {
        told = said(error);
        is_busy = false;
        window.dispatchEvent(new Event('redraw'));
      }
    };
    const field = (name, props) => h('label', { class: 'field' }, h('span', null, t(`login.${name}`)),
      h('input', { name: name === 'user' ? 'user_id' : name, required: true, ...props }));
    const stop = alone(page, () => h('form', { class: 'card sheet stack', onsubmit: submit },
      h('h1', null, t(page.title)),
      h('div', { role: 'alert' }, told && h('p', { class: 'note bad' }, told)),
      field('tenant', { autocomplete: 'organization', autocapitalize: 'none', ...(tenant && { placeholder: tenant }) }),
      field('user', { autocomplete: 'username', autocapitalize: 'none' }),
      field('password', { type: 'password', autocomplete: 'current-password' }),
      h('button', { class: 'primary big', disabled: is_busy }, t('login'))));
    const known = /** @type {HTMLInputElement} */ (document.querySelector('[name=tenant]'));
    known.value = tenant;
  });
}
