/** What cannot be missed: a sound that repeats, a title that changes, another icon. */
import { browser } from './memory.js';

const RING_S = 1.8;
const TITLE_S = 1;

export class Bell {
  constructor() {
    this.is_ringing = false;
    this.timers = [];
    this.title = '';
  }

  /** Whether it makes a sound; the browser remembers. */
  get is_loud() {
    return browser.get('sound') !== 'off';
  }

  set is_loud(loud) {
    browser.set('sound', loud ? null : 'off');
    if (loud) this.sound();
  }

  /** Ring until `stop`. @param {() => string} title what the title shows by turns */
  start(title) {
    if (this.is_ringing) return;
    this.is_ringing = true;
    this.title = document.title;
    let shown = 0;
    const turn = () => (document.title = shown++ % 2 ? this.title : title());
    this.timers = [setInterval(turn, TITLE_S * 1000), setInterval(() => this.sound(), RING_S * 1000)];
    // After the page has drawn itself, which sets the title.
    setTimeout(() => this.is_ringing && turn());
    icon('icon-offer');
    this.sound();
  }

  stop() {
    if (!this.is_ringing) return;
    this.is_ringing = false;
    this.timers.forEach(clearInterval);
    document.title = this.title;
    icon('icon');
  }

  /** Two tones. A page that nobody has touched yet may not sound: then it is silent. */
  sound() {
    if (!this.is_loud) return;
    this.audio ??= new AudioContext();
    if (this.audio.state !== 'running') {
      this.audio.resume().catch(() => {});
      return;
    }
    const start = this.audio.currentTime;
    for (const [at, hertz] of [[0, 660], [0.22, 880]]) {
      const [tone, loudness] = [this.audio.createOscillator(), this.audio.createGain()];
      tone.frequency.value = hertz;
      loudness.gain.setValueAtTime(0.0001, start + at);
      loudness.gain.exponentialRampToValueAtTime(0.2, start + at + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, start + at + 0.35);
      tone.connect(loudness).connect(this.audio.destination);
      tone.start(start + at);
      tone.stop(start + at + 0.4);
    }
  }
}

const icon = (/** @type {string} */ name) =>
  document.querySelector('link[rel=icon]')?.setAttribute('href', `/web/look/${name}.svg`);
