// The strip that says what is wrong with what is shown: lost, catching up, rebuilding, paused.
import { h, replace } from './dom.js';
import { clockTime, number, span } from './format.js';
import { icon } from './icons.js';
import { heldCount, onPause, paused, pausedSince, togglePause } from './pause.js';
import { t, tn } from './texts.js';
import { now } from './clock.js';
import { news } from './announce.js';

export class Banner {
  /** @param {{retry: () => void}} options */
  constructor({ retry }) {
    this.retry = retry;
    this.place = h('div', { class: 'banners' });
    /** @type {import('./stream.js').Line} */
    this.line = { kind: 'live' };
    /** @type {{counted: number | null, rebuilding: boolean}} */
    this.state = { counted: null, rebuilding: false };
    onPause(() => this.draw());
  }

  /** @param {import('./stream.js').Line} line */
  setLine(line) {
    const changed = line.kind !== this.line.kind;
    this.line = line;
    if (changed) news(t(`banner.${line.kind}_said`));
    this.draw();
  }

  /** @param {number | null} counted @param {boolean} rebuilding */
  setState(counted, rebuilding) {
    this.state = { counted, rebuilding };
    this.draw();
  }

  draw() {
    replace(this.place, this.lineStrip(), this.countedStrip(), this.rebuildStrip(), this.pauseStrip());
  }

  /** @param {string} mark @param {string} title @param {string} text @param {any} [button] */
  strip(mark, title, text, button) {
    return h('div', { class: 'banner' }, icon(mark, 14), h('span', {}, h('b', {}, title), ' ', text), button);
  }

  lineStrip() {
    const line = this.line;
    if (line.kind === 'refused')
      return this.strip(
        'warn',
        t('banner.refused'),
        t('banner.refused_why'),
        h('a', { class: 'btn sml', href: loginHref() }, t('login.enter')),
      );
    if (line.kind !== 'lost') return null;
    const wait =
      line.retryAt === null
        ? t('banner.retrying')
        : t('banner.next_try', { s: number(Math.max(1, Math.round((line.retryAt - Date.now()) / 1000)), 0) });
    return this.strip(
      'warn',
      t('banner.lost', { at: clockTime(line.since) }),
      `${t('banner.lost_why')} ${wait}`,
      h('button', { class: 'btn sml', type: 'button', onclick: this.retry }, t('banner.try_now')),
    );
  }

  countedStrip() {
    if (this.state.counted === null) return null;
    return this.strip(
      'clock',
      t('banner.catching_up', { at: clockTime(this.state.counted), late: span(now() - this.state.counted) }),
      t('banner.catching_up_why'),
    );
  }

  rebuildStrip() {
    return this.state.rebuilding ? this.strip('clock', t('banner.rebuilding'), t('banner.rebuilding_why')) : null;
  }

  pauseStrip() {
    if (!paused()) return null;
    return h(
      'div',
      { class: 'paused-strip' },
      h(
        'span',
        { class: 'pill' },
        h('span', {}, t('banner.paused', { at: clockTime(pausedSince() ?? 0) }), ' · ', tn('banner.held', heldCount())),
        h('button', { type: 'button', onclick: togglePause }, t('banner.resume'), ' ', h('kbd', {}, 'P')),
      ),
      h('span', { class: 'sm mute' }, t('banner.paused_why')),
    );
  }
}

/** Where to sign in and come back from. */
export const loginHref = () => `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
