/** The texts of the page's language. Each language is one file, loaded when it is chosen. */
import { browser } from './memory.js';

export const LANGUAGES = ['en', 'zh'];
const changed = new EventTarget();
let texts = await load(document.documentElement.lang);

async function load(/** @type {string} */ language) {
  return (await import(`../texts/${language}.js`)).default;
}

/** @param {string} key @param {Record<string, unknown>} [values] @returns {string} */
export function t(key, values = {}) {
  const text = texts[key];
  return typeof text === 'function' ? text(values) : text ?? key;
}

/** Whether there is such a text. @param {string} key */
export const has = (key) => key in texts;

/** @param {string} language */
export async function speak(language) {
  texts = await load(language);
  document.documentElement.lang = language;
  browser.set('language', language);
  changed.dispatchEvent(new Event('change'));
}

/** Call when the language has changed. @param {() => void} listener @returns {() => void} what ends it */
export function on_language(listener) {
  changed.addEventListener('change', listener);
  return () => changed.removeEventListener('change', listener);
}

/** A duration as 0:07, 12:07 or 1:12:07. @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** What an error says to a person. @param {any} error */
export function said(error) {
  const key = `error.${error?.code}`;
  return has(key) ? t(key) : error?.detail || error?.message || String(error);
}
