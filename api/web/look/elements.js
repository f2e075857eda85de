/** The custom elements of all pages. Their attributes are what they show; what is inside is theirs. */
import { duration } from './texts.js';

/** Strokes in a box of 24 by 24. */
const ICONS = {
  phone: 'M6.6 3.5 9 3l2 4.8-2 1.6a13 13 0 0 0 5.6 5.6l1.6-2 4.8 2-.5 2.400C20.2 19.5 18.6 21 16.8 21 9.7 21 3 14.3 3 7.200c0-1.8 1.5-3.3 3.6-3.700Z',
  hangup: 'M3 14.500c0-4 4.5-6 9-6s9 2 9 6v2l-4.5-.8-.5-3c-2.6-.9-5.4-.9-8 0l-.5 3L3 16.500Z',
  check: 'm5 12.5 4.5 4.500L19 7.5',
  cross: 'm6 6 12 12M18 6 6 18',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Zm-6.5 9a6.5 6.5 0 0 1 13 0M16 4.300a3.5 3.5 0 0 1 0 6.400M18.5 14.500a6.5 6.5 0 0 1 3 5.5',
  sound: 'M4 9.500v5h3.500L12 18.500v-13L7.5 9.500ZM15.5 9a4 4 0 0 1 0 6M18 6.500a7.5 7.5 0 0 1 0 11',
  mute: 'M4 9.500v5h3.500L12 18.500v-13L7.5 9.500ZM16 9.500l5 5M21 9.500l-5 5',
  theme: 'M12 3.500a8.5 8.5 0 1 0 0 17Zm0 0a8.5 8.5 0 0 1 0 17',
  globe: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM3.5 9h17M3.5 15h17M12 3c-2.5 2.5-3.5 5.5-3.5 9s1 6.5 3.5 9c2.5-2.5 3.5-5.5 3.5-9s-1-6.5-3.5-9Z',
  out: 'M14 4H6a1.5 1.5 0 0 0-1.5 1.500v13A1.5 1.5 0 0 0 6 20h8M10 12h10.500M17 8.500l3.5 3.5-3.5 3.5',
  forward: 'M4 12h15M13 6l6 6-6 6',
  desk: 'M4.5 13.500v-2a7.5 7.5 0 0 1 15 0v2M4.5 13h2.500v5.500H5.500a1 1 0 0 1-1-1ZM19.5 13H17v5.500h1.500a1 1 0 0 0 1-1ZM18.5 18.500c0 1.5-2 2.5-4.5 2.5',
  visit: 'M20.5 12c0 4.4-3.8 7.5-8.5 7.5-1.2 0-2.4-.2-3.4-.6L4 20.500l1.2-3.800A7 7 0 0 1 3.5 12c0-4.4 3.8-7.5 8.5-7.500s8.5 3.1 8.5 7.500Z',
  clock: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3.5 2',
  warn: 'M12 4 2.5 20h19ZM12 10v4.500M12 17v.5',
};

class Icon extends HTMLElement {
  static observedAttributes = ['name'];

  attributeChangedCallback() {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', ICONS[this.getAttribute('name')] ?? '');
    const strokes = { fill: 'none', stroke: 'currentColor', 'stroke-width': '1.75', 'stroke-linejoin': 'round' };
    for (const [name, value] of Object.entries({ ...strokes, 'stroke-linecap': 'round' })) path.setAttribute(name, value);
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(path);
    this.replaceChildren(svg);
  }
}

/** Elements that move with time: one timer for all, while there are any. */
class Timed extends HTMLElement {
  static all = new Set();
  static timer = 0;
  /** The time (epoch ms); the page may set it to the server's. */
  static now = () => Date.now();

  connectedCallback() {
    Timed.all.add(this);
    Timed.timer ||= window.setInterval(() => Timed.all.forEach((element) => element.show()), 250);
    this.show();
  }

  disconnectedCallback() {
    Timed.all.delete(this);
    if (Timed.all.size) return;
    clearInterval(Timed.timer);
    Timed.timer = 0;
  }

  attributeChangedCallback() {
    if (this.isConnected) this.show();
  }

  /** @param {string} name epoch ms */
  at(name) {
    return Number(this.getAttribute(name));
  }
}

/** Use this clock. @param {() => number} now */
export const set_clock = (now) => void (Timed.now = now);

/** How long it is since `since`, or until `until` (epoch ms). */
class Clock extends Timed {
  static observedAttributes = ['since', 'until'];

  show() {
    const ms = this.hasAttribute('until') ? this.at('until') - Timed.now() + 999 : Timed.now() - this.at('since');
    const text = duration(ms / 1000);
    if (this.textContent !== text) this.textContent = text;
  }
}

/** What is left of the time between `since` and `until`, as a shrinking bar. */
class Bar extends Timed {
  static observedAttributes = ['since', 'until'];

  show() {
    if (!this.firstChild) this.append(document.createElement('i'));
    const [since, until] = [this.at('since'), this.at('until')];
    const part = Math.min(1, Math.max(0, (until - Timed.now()) / Math.max(1, until - since)));
    /** @type {HTMLElement} */ (this.firstChild).style.transform = `scaleX(${part})`;
    this.classList.toggle('late', part < 0.25);
  }
}

/** The first letters of a name. */
class Avatar extends HTMLElement {
  static observedAttributes = ['name'];

  attributeChangedCallback() {
    const words = (this.getAttribute('name') ?? '').trim().split(/\s+/);
    this.setAttribute('aria-hidden', 'true');
    this.textContent = (words.length > 1 ? words.slice(0, 2) : words).map((word) => [...word][0] ?? '').join('').toUpperCase();
  }
}

/** A state as a word; `kind` is its colour. */
class State extends HTMLElement {
  static observedAttributes = ['text'];

  attributeChangedCallback() {
    this.textContent = this.getAttribute('text');
  }
}

for (const [name, element] of Object.entries({
  'acd-icon': Icon, 'acd-clock': Clock, 'acd-bar': Bar, 'acd-avatar': Avatar, 'acd-state': State,
})) customElements.define(name, element);
