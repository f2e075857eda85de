/**
 * A table of any length of which only what is looked at is drawn. All rows are equally high, so that where each one
 * stands is known without drawing it; the page itself scrolls.
 */
import { h } from './dom.js';

const BEYOND = 6;
/** So many rows are drawn above and below, that a scroll finds them there. */
const NARROW_REM = 40;

const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

export class Rows {
  /**
   * @param {string} id the id of its element
   * @param {{ high?: number, narrow?: number, redraw: () => void }} how heights in rem, wide and below 40 rem
   */
  constructor(id, { high = 3.5, narrow = high, redraw }) {
    this.id = id;
    this.heights = [high, narrow];
    this.stop = new AbortController();
    for (const event of ['scroll', 'resize']) window.addEventListener(event, redraw, { passive: true, signal: this.stop.signal });
  }

  close() {
    this.stop.abort();
  }

  /**
   * @template T
   * @param {{ label: string, head: { key: string, text: string, sorted?: string | null, sort?: () => void }[], items: T[],
   *   row: (item: T) => { key: string, cells: any[], is_chosen?: boolean } }} what
   */
  part({ label, head, items, row }) {
    const host = document.getElementById(this.id);
    const [wide, narrow] = this.heights;
    const is_narrow = (host?.clientWidth ?? window.innerWidth) < NARROW_REM * rem();
    const high = (is_narrow ? narrow : wide) * rem();
    const top = host?.querySelector('.tbody')?.getBoundingClientRect().top ?? 0;
    const from = Math.max(0, Math.min(items.length - 1, Math.floor(-top / high) - BEYOND));
    const to = Math.min(items.length, Math.ceil((window.innerHeight - top) / high) + BEYOND);
    return h('div', { key: this.id, id: this.id, class: `table ${is_narrow ? 'narrow' : ''}`, role: 'table', 'aria-label': label, 'aria-rowcount': items.length + 1, onkeydown: walk },
      h('div', { class: 'thead', role: 'rowgroup' }, h('div', { class: 'tr', role: 'row', 'aria-rowindex': 1 }, head.map(column))),
      h('div', { class: 'tbody', role: 'rowgroup' },
        h('acd-space', { key: ' above', role: 'presentation', size: Math.round(from * high) }),
        items.slice(from, Math.max(from, to)).map((item, index) => {
          const { key, cells, is_chosen } = row(item);
          return h('div', { key, class: `tr ${is_chosen ? 'chosen' : ''}`, role: 'row', 'aria-rowindex': from + index + 2 },
            cells.map((cell, number) => h('div', { role: 'cell', class: `td ${head[number].key}` }, cell)));
        }),
        h('acd-space', { key: ' below', role: 'presentation', size: Math.round(Math.max(0, items.length - Math.max(from, to)) * high) })));
  }
}

function column({ key, text, sorted, sort }) {
  return h('div', { role: 'columnheader', class: `td ${key}`, 'aria-sort': sorted ?? null },
    sort ? h('button', { type: 'button', class: 'plain sort', onclick: sort }, text) : text);
}

/** Up and down lead from row to row. @param {KeyboardEvent} event */
function walk(event) {
  const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
  const row = /** @type {HTMLElement} */ (event.target).closest('.tbody .tr');
  if (!step || !row || !(event.target instanceof HTMLAnchorElement)) return;
  event.preventDefault();
  const to = row[step]?.querySelector('a');
  to?.focus({ preventScroll: true });
  to?.closest('.tr').scrollIntoView({ block: 'nearest' });
}
