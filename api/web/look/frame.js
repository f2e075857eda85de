/** What stands around every page: the bar with its switches, the banner, toasts, and a question. */
import { draw, h } from './dom.js';
import './elements.js';
import { browser } from './memory.js';
import { LANGUAGES, said, speak, t } from './texts.js';

const THEMES = ['auto', 'light', 'dark'];

/** The bar. @param {any[]} [children] what the page has in it */
export function bar(children = []) {
  return h('header', { class: 'bar' },
    h('a', { class: 'brand', href: '/', 'aria-label': t('brand') }, h('img', { src: '/web/look/icon.svg', alt: '' }), h('span', null, t('brand'))),
    h('div', { class: 'fill' }),
    children,
    h('div', { class: 'switches' }, theme_switch(), language_switch()));
}

function theme_switch() {
  const theme = document.documentElement.dataset.theme ?? 'auto';
  const label = `${t('theme')}: ${t(`theme.${theme}`)}`;
  return h('button', {
    class: 'plain icon-only', title: label, 'aria-label': label,
    onclick() {
      const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
      if (next === 'auto') delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = next;
      browser.set('theme', next === 'auto' ? null : next);
      window.dispatchEvent(new Event('redraw'));
    },
  }, h('acd-icon', { name: 'theme' }));
}

function language_switch() {
  const other = LANGUAGES.find((language) => language !== document.documentElement.lang) ?? 'en';
  const [label, short] = { en: ['English', 'EN'], zh: ['中文', '中文'] }[other];
  return h('button', { class: 'plain tight', lang: other, title: label, 'aria-label': label, onclick: () => speak(other) },
    h('acd-icon', { name: 'globe' }), short);
}

/** What is said while there is no connection. @param {boolean} connected @param {string} [text] the key of what */
export const banner = (connected, text = 'connection.lost') => h('div', { role: 'status' },
  !connected && h('div', { class: 'banner' }, h('acd-icon', { name: 'warn' }), t(text)));

const TOAST_MS = 6000;
/** @type {{ id: number, text: string }[]} */ let toasts = [];
let toasted = 0;

/** Say something that needs no answer. @param {string} text */
export function toast(text) {
  const one = { id: ++toasted, text };
  toasts = [...toasts.slice(-2), one];
  show_toasts();
  setTimeout(() => {
    toasts = toasts.filter((other) => other !== one);
    show_toasts();
  }, TOAST_MS);
}

function show_toasts() {
  let host = document.querySelector('.toasts');
  if (!host) {
    host = document.body.appendChild(document.createElement('div'));
    host.className = 'toasts';
    host.setAttribute('role', 'status');
  }
  draw(host, toasts.map(({ id, text }) => h('div', { key: id }, text)));
}

/**
 * Ask in a dialog; answers what the form holds, or null. With `act` it stays open, and says why, until that is done.
 * @param {object} what
 * @param {string} what.title
 * @param {any} [what.about]
 * @param {string} what.yes
 * @param {string} [what.no]
 * @param {string} [what.kind]
 * @param {string} [what.size]
 * @param {(form: FormData) => Promise<any>} [what.act]
 * @param {AbortSignal} [what.signal] closes it, when there is nothing to ask any more
 * @returns {Promise<FormData | null>}
 */
export function ask({ title, about, yes, no = t('cancel'), kind = 'primary', size = '', act = async () => {}, signal }) {
  const dialog = document.body.appendChild(document.createElement('dialog'));
  const back = /** @type {HTMLElement | null} */ (document.activeElement);
  dialog.setAttribute('aria-labelledby', 'asked');
  dialog.className = size;
  return new Promise((done) => {
    let answer = null;
    let told = '';
    let is_busy = false;
    const answered = async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (is_busy) return;
      const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
      is_busy = true;
      show();
      try {
        await act(form);
        answer = form;
        dialog.close();
      } catch (error) {
        told = said(error);
        is_busy = false;
        show();
      }
    };
    dialog.onclose = () => {
      dialog.remove();
      if (back?.isConnected) back.focus({ preventScroll: true });
      done(answer);
    };
    const show = () => draw(dialog, h('form', { class: 'stack', onsubmit: answered },
      h('h2', { id: 'asked' }, title),
      typeof about === 'string' ? h('p', { class: 'quiet' }, about) : about,
      h('div', { role: 'alert' }, told && h('p', { class: 'note bad' }, told)),
      h('div', { class: 'row ends' },
        h('button', { type: 'button', onclick: () => dialog.close() }, no),
        h('button', { type: 'submit', class: kind, disabled: is_busy }, yes))));
    show();
    dialog.showModal();
    signal?.addEventListener('abort', () => dialog.close());
  });
}
