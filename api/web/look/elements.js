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
  search: 'M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM16 16l4.500 4.500',
  plus: 'M12 5v14M5 12h14',
  back: 'M20 12H5M11 6l-6 6 6 6',
  edit: 'M4 20l1-4.500L16 4.500l3.500 3.500L8.500 19 4 20ZM13.500 7l3.500 3.500',
  trash: 'M4.500 7h15M9.500 7V4.500h5V7M6.500 7l1 13h9l1-13M10.500 11v5M13.500 11v5',
  console: 'M4 5.500h16v10H4ZM8 20h8M12 15.500V20M7.500 12l2.500-2.500 2 1.500 4-3.500',
  log: 'M8.500 6.500H20M8.500 12H20M8.500 17.500H20M4 6.500h.5M4 12h.5M4 17.500h.5',
  pause: 'M8.500 5.500v13M15.500 5.500v13',
  play: 'M7.500 5l11 7-11 7Z',
  gear: 'M5 7h6M15 7h4M5 12h2M11 12h8M5 17h8M17 17h2M13 5v4M9 10v4M15 15v4',
  user: 'M12 11.500a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4.500 20.500a7.500 7.500 0 0 1 15 0',
  warn: 'M12 4 2.5 20h19ZM12 10v4.500M12 17v.5',
};

const svg = (/** @type {string} */ tag, /** @type {Record<string, string>} */ attributes) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};

class Icon extends HTMLElement {
  static observedAttributes = ['name'];

  attributeChangedCallback() {
    const box = svg('svg', { viewBox: '0 0 24 24', 'aria-hidden': 'true' });
    box.append(svg('path', {
      d: ICONS[this.getAttribute('name')] ?? '', fill: 'none', stroke: 'currentColor', 'stroke-width': '1.75',
      'stroke-linejoin': 'round', 'stroke-linecap': 'round',
    }));
    this.replaceChildren(box);
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

/** A time of day, of an `at` (epoch ms). */
class Time extends HTMLElement {
  static observedAttributes = ['at', 'lang'];

  attributeChangedCallback() {
    const at = new Date(Number(this.getAttribute('at')));
    this.title = at.toLocaleString(document.documentElement.lang);
    this.textContent = at.toLocaleTimeString('en-GB');
  }
}

/** A small line of `points`, numbers by commas from old to new; those not known are empty. `top` is the least height. */
class Spark extends HTMLElement {
  static observedAttributes = ['points'];

  attributeChangedCallback() {
    const points = (this.getAttribute('points') ?? '').split(',').map((one) => (one === '' ? null : Number(one)));
    const top = Math.max(Number(this.getAttribute('top') ?? 4), ...points.map((one) => one ?? 0));
    const step = 100 / Math.max(1, points.length - 1);
    const line = points.flatMap((one, index) => (one === null ? [] : [`${(index * step).toFixed(1)} ${(29 - one / top * 27).toFixed(1)}`]));
    if (!this.firstChild) {
      const box = svg('svg', { viewBox: '0 0 100 30', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
      box.append(...['track', 'area', 'stroke', 'dot'].map((name) => svg('path', { class: name, ...(name === 'track' && { d: 'M0 29H100' }) })));
      this.append(box);
    }
    const [, area, stroke, dot] = /** @type {Element} */ (this.firstChild).children;
    const first = line[0]?.split(' ')[0];
    stroke.setAttribute('d', line.length ? `M${line.join('L')}` : '');
    dot.setAttribute('d', line.length ? `M${line.at(-1)}h0` : '');
    area.setAttribute('d', line.length ? `M${first} 30L${line.join('L')}L100 30Z` : '');
  }
}

/** Shares of a whole side by side: `of` is `class:number` by commas. */
class Parts extends HTMLElement {
  static observedAttributes = ['of'];

  attributeChangedCallback() {
    this.setAttribute('aria-hidden', 'true');
    const parts = (this.getAttribute('of') ?? '').split(',').filter(Boolean).map((part) => part.split(':'));
    while (this.childElementCount > parts.length) this.lastChild.remove();
    while (this.childElementCount < parts.length) this.append(document.createElement('i'));
    parts.forEach(([name, share], index) => {
      const part = /** @type {HTMLElement} */ (this.children[index]);
      part.className = name;
      part.style.flexGrow = share;
    });
  }
}

/** Room for rows that are not drawn. */
class Space extends HTMLElement {
  static observedAttributes = ['size'];

  attributeChangedCallback() {
    this.style.blockSize = `${this.getAttribute('size')}px`;
  }
}

for (const [name, element] of Object.entries({
  'acd-icon': Icon, 'acd-clock': Clock, 'acd-bar': Bar, 'acd-avatar': Avatar, 'acd-state': State, 'acd-time': Time,
  'acd-spark': Spark, 'acd-parts': Parts, 'acd-space': Space,
})) customElements.define(name, element);
