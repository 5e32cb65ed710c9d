// The curve's panel: two drawings, a reading of any moment by pointer or keys, and the same as a table.
import { h, replace, setText } from './dom.js';
import { drawCurve } from './curve_draw.js';
import { pointsOf, range, valueAt } from './curve_scale.js';
import { DAY, HOUR, moment, ms, number, signed } from './format.js';
import { t, tn } from './texts.js';
/** @typedef {import('./entry.js').Entry} Entry */

export const PAST_DAYS = 14,
  AHEAD_DAYS = 7;
const FRAMES = [
  { name: 'wide', w: 820, h: 268, back: 14 * DAY, ahead: 7 * DAY, narrow: false },
  { name: 'narrow', w: 342, h: 236, back: 7 * DAY, ahead: 7 * DAY, narrow: true },
];
const STEPS = {
  ArrowLeft: -6 * HOUR,
  ArrowRight: 6 * HOUR,
  ArrowDown: -6 * HOUR,
  ArrowUp: 6 * HOUR,
  PageDown: -DAY,
  PageUp: DAY,
};

export class CurvePanel {
  /** @param {Entry} entry */
  constructor(entry) {
    this.entry = entry;
    const { grid } = entry,
      top = grid.top;
    this.place = h('div', { class: 'body' });
    const key = (mark, text) => h('span', {}, h('span', { class: `k ${mark}` }), text);
    this.element = h(
      'section',
      { class: 'panel', 'aria-labelledby': 'curve-title' },
      h(
        'header',
        {},
        h('h2', { id: 'curve-title' }, t('curve.title')),
        h(
          'p',
          { class: 'legend end' },
          key('', t('curve.measured')),
          key('d', t('curve.ahead')),
          key(
            'box band',
            t('curve.band', {
              tier: grid.tierName(top.id).toLowerCase(),
              from: number(top.from ?? 0, 0),
              below: number((top.from ?? 0) - grid.hysteresis, 0),
            }),
          ),
        ),
      ),
      this.place,
    );
  }

  /** @param {any} json what the curve's address gives @param {number} now @param {number[]} events moments of events */
  draw(json, now, events) {
    const { entry } = this,
      past = pointsOf(json.past),
      score = entry.score(now);
    if (past.length === 0 || past[past.length - 1][0] < now) past.push([now, score]);
    this.past = past;
    this.now = now;
    const future = this.ahead(now),
      next = entry.next;
    const curve = {
      now,
      past,
      future,
      events,
      changes: json.changes ?? [],
      grid: entry.grid,
      tier: entry.tier,
      next,
      nextScore: next ? entry.score(next.at) : 0,
      score,
      range: range(entry.grid, [...past, ...future]),
    };
    this.readout = h('p', { class: 'xs dim readout' }, this.hint(now));
    replace(
      this.place,
      FRAMES.map(frame => this.frame(curve, frame)),
      this.readout,
      this.table(json, future),
    );
  }

  /** The future by the formula, with both sides of each step. @param {number} now @returns {import('./curve_scale.js').Points} */
  ahead(now) {
    const moments = Array.from({ length: AHEAD_DAYS * 12 + 1 }, (_, i) => now + i * 2 * HOUR);
    for (const jump of this.entry.jumps(now)) if (jump < now + AHEAD_DAYS * DAY) moments.push(jump - 1, jump);
    return moments.sort((a, b) => a - b).map(at => /** @type {[number, number]} */ ([at, this.entry.score(at)]));
  }

  /** @param {any} curve @param {typeof FRAMES[0]} size */
  frame(curve, size) {
    const from = this.now - size.back,
      to = this.now + size.ahead;
    const { drawing, scale, cursor } = drawCurve(curve, { ...size, from, to });
    const slider = h(
      'div',
      {
        class: `${size.name} curve`,
        role: 'slider',
        tabindex: '0',
        'aria-label': this.summary(curve),
        'aria-valuemin': Math.round(from),
        'aria-valuemax': Math.round(to),
        'aria-valuenow': Math.round(this.now),
        'aria-valuetext': this.reading(this.now),
      },
      drawing,
    );
    let at = this.now;
    const show = wanted => {
      at = Math.max(from, Math.min(to, wanted));
      for (const end of ['x1', 'x2']) cursor.setAttribute(end, scale.x(at));
      cursor.setAttribute('visibility', 'visible');
      setText(this.readout, this.reading(at));
      slider.setAttribute('aria-valuenow', String(Math.round(at)));
      slider.setAttribute('aria-valuetext', this.reading(at));
    };
    slider.addEventListener('pointermove', event => {
      const box = drawing.getBoundingClientRect();
      show(scale.moment(((event.clientX - box.left) / box.width) * size.w));
    });
    slider.addEventListener('keydown', event => {
      const target =
        event.key === 'Home' ? from : event.key === 'End' ? to : STEPS[event.key] ? at + STEPS[event.key] : null;
      if (target === null) return;
      event.preventDefault();
      show(target);
    });
    return slider;
  }

  /** @param {number} at */
  reading(at) {
    const ahead = at > this.now,
      score = ahead ? this.entry.score(at) : valueAt(this.past, at);
    return t(ahead ? 'curve.read_ahead' : 'curve.read', { at: moment(at), score: number(score) });
  }

  /** What the picture says, in a sentence. @param {any} curve */
  summary(curve) {
    const { grid } = this.entry,
      last = [...curve.changes]
        .sort((a, b) => ms(b.at) - ms(a.at))
        .slice(0, 3)
        .reverse();
    const was = last
      .map(change => t('curve.change', { tier: grid.tierName(change.to).toLowerCase(), at: moment(ms(change.at)) }))
      .join(', ');
    const then = curve.next
      ? t('curve.then', { tier: grid.tierName(curve.next.tier).toLowerCase(), at: moment(curve.next.at) })
      : t('curve.then_none');
    return [t('curve.name', { score: number(curve.score) }), was, then].filter(Boolean).join('. ');
  }

  /** @param {number} now */
  hint(now) {
    const steps = this.entry
      .jumps(now)
      .filter(jump => jump < now + AHEAD_DAYS * DAY)
      .map(jump => [jump, this.entry.score(jump) - this.entry.score(jump - 1)])
      .filter(([, change]) => Math.abs(change) >= 0.05);
    return (
      t('curve.hint') +
      (steps.length
        ? ` ${tn('curve.steps', steps.length, { steps: steps.map(([at, change]) => t('curve.step', { points: signed(change), at: moment(at) })).join(', ') })}`
        : '')
    );
  }

  /** @param {any} json @param {import('./curve_scale.js').Points} future */
  table(json, future) {
    const rows = [];
    for (let at = this.now - PAST_DAYS * DAY; at < this.now; at += DAY)
      if (at >= this.past[0][0]) rows.push([at, valueAt(this.past, at), t('curve.measured')]);
    for (const change of json.changes ?? [])
      rows.push([
        ms(change.at),
        valueAt(this.past, ms(change.at)),
        t('curve.change_row', { tier: this.entry.grid.tierName(change.to).toLowerCase() }),
      ]);
    for (const jump of this.entry.jumps(this.now))
      if (jump < this.now + AHEAD_DAYS * DAY) rows.push([jump, this.entry.score(jump), t('curve.step_row')]);
    for (let at = this.now; at <= this.now + AHEAD_DAYS * DAY; at += DAY)
      rows.push([at, this.entry.score(at), at === this.now ? t('curve.now') : t('curve.ahead')]);
    rows.sort((a, b) => a[0] - b[0]);
    const heads = ['curve.col_at', 'curve.col_score', 'curve.col_what'];
    return h(
      'details',
      { class: 'as-table sm' },
      h('summary', {}, t('curve.as_table')),
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            heads.map((key, i) => h('th', { scope: 'col', class: i === 1 ? 'num' : null }, t(key))),
          ),
        ),
        h(
          'tbody',
          {},
          rows.map(([at, score, what]) =>
            h(
              'tr',
              {},
              h('th', { scope: 'row' }, moment(at)),
              h('td', { class: 'num' }, number(score)),
              h('td', {}, what),
            ),
          ),
        ),
      ),
    );
  }
}
