/**
 * The token of this tab. An integrator's own login gives it in the fragment (`#token=…`), which no server sees; it is
 * taken out of the address bar as soon as this module runs, before anybody sees or copies it.
 */
import { tab } from './memory.js';

/** Where the storage is forbidden it lives as long as the page. @type {string | null} */
let held = null;

/** @param {string | null} token null: forget it */
export function keep(token) {
  held = token;
  tab.set('token', token);
}

export const kept = () => tab.get('token') ?? held;

/** Take what the fragment brings. @returns {string | null} */
export function take() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (!token) return null;
  history.replaceState(null, '', location.pathname + location.search);
  keep(token);
  return token;
}

take();
