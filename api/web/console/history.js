/** The last hour of a number, as far as this page has seen it: the highest of each step of 40 s. */
const STEP_MS = 40_000;
const STEPS = 90;

export class History {
  /** @param {[number, number, number][]} [seen] (step, highest, last) of each step in which it changed, the oldest first */
  constructor(seen = []) {
    this.seen = seen;
    this.drawn = { step: -1, text: '' };
  }

  /** @param {number} value @param {number} now epoch ms */
  add(value, now) {
    const step = Math.floor(now / STEP_MS);
    const known = this.seen.at(-1);
    if (known && known[0] >= step) {
      if (value === known[2]) return;
      known[1] = Math.max(known[1], value);
      known[2] = value;
    } else if (known?.[2] === value) return;
    // What it was until now counts in this step too.
    else this.seen.push([step, Math.max(value, known?.[2] ?? value), value]);
    this.drawn.step = -1;
  }

  /** The steps as `acd-spark` takes them. @param {number} now epoch ms */
  points(now) {
    const step = Math.floor(now / STEP_MS);
    if (this.drawn.step !== step) this.drawn = { step, text: this.text(step) };
    return this.drawn.text;
  }

  text(step) {
    const first = step - STEPS + 1;
    while (this.seen.length > 1 && this.seen[1][0] <= first) this.seen.shift();
    /** @type {(number | string)[]} */ const points = [];
    /** @type {number | string} */ let value = '';
    let index = 0;
    if (this.seen[0]?.[0] < first) value = this.seen[index++][2];
    for (let at = first; at <= step; at++) {
      const known = this.seen[index]?.[0] === at ? this.seen[index++] : null;
      points.push(known ? known[1] : value);
      if (known) value = known[2];
    }
    return points.join(',');
  }

  /** The highest that is shown. */
  get highest() {
    return this.seen.reduce((most, [, value]) => Math.max(most, value), 0);
  }
}
