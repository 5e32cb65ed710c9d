// Draws the curve by hand: bands, bounds, past, future with its steps, and what happened on the way.
import { svg } from './dom.js';
import { clockTime, dayOf, DAY, ms, number, weekday } from './format.js';
import { t } from './texts.js';
import { Scale, within } from './curve_scale.js';
/** @typedef {import('./grid.js').Grid} Grid */
/** @typedef {{now: number, past: import('./curve_scale.js').Points, future: import('./curve_scale.js').Points, changes: any[], events: number[], tier: string, next: {tier: string, at: number} | null, nextScore: number, score: number, grid: Grid, range: {low: number, high: number}}} Curve */

const line = (name, x1, x2, y1, y2) => svg('line', { class: name, x1, x2, y1, y2 });
const label = (x, y, text, anchor = 'start', name = 'lbl') =>
  svg('text', { class: name, x, y, 'text-anchor': anchor }, text);

/** @param {Scale} s @param {Grid} grid */
function bands(s, grid) {
  const marks = grid.tiers.filter(tier => tier.from !== null && tier.from > s.low);
  return marks.map((tier, i) => {
    const high = marks[i + 1]?.from ?? s.high,
      y = s.y(high);
    return svg('rect', {
      class: `band-${grid.look(tier.id)}`,
      x: s.left,
      y,
      width: s.right - s.left,
      height: Math.max(0, s.y(tier.from ?? 0) - y),
    });
  });
}

/** @param {Scale} s @param {Grid} grid @param {boolean} narrow */
function bounds(s, grid, narrow) {
  const top = grid.top.from ?? 0,
    out = top - grid.hysteresis;
  const names = grid.tiers.map((tier, i) => {
    const from = tier.from ?? s.low,
      high = grid.tiers[i + 1]?.from ?? s.high;
    const y = tier === grid.top ? s.y(high) + 14 : i ? s.y(from) - 6 : s.y(high) + 13;
    return label(
      narrow ? s.right - 5 : s.left + 6,
      Math.max(y, s.top + 12),
      grid.tierName(tier.id),
      narrow ? 'end' : 'start',
      '',
    );
  });
  const values = [...new Set([0, 100, ...grid.tiers.map(tier => tier.from).filter(from => from !== null)])].filter(
    value => value >= s.low && value <= s.high,
  );
  return [
    ...grid.tiers.map(tier =>
      tier.from === null
        ? null
        : line(tier === grid.top ? 'thr' : 'thr2', s.left, s.right, s.y(tier.from), s.y(tier.from)),
    ),
    grid.hysteresis
      ? [line('thr2', s.left, s.right, s.y(out), s.y(out)), label(s.left - 8, s.y(out) + 8, number(out, 0), 'end', '')]
      : null,
    line('thr', s.left, s.right, s.y(0), s.y(0)),
    values.map(value => label(s.left - 8, s.y(value) + (value === top ? 2 : 4), number(value, 0), 'end', '')),
    names,
  ];
}

/** @param {Scale} s */
function calendar(s) {
  return [
    s.days(6).map(day =>
      svg('rect', {
        class: 'wk',
        x: Math.max(s.left, s.x(day)),
        y: s.bottom,
        width: Math.max(0, Math.min(s.right, s.x(day + 2 * DAY)) - Math.max(s.left, s.x(day))),
        height: 5,
      }),
    ),
    s
      .days(1)
      .filter(day => day > s.from)
      .map(day => [
        line('axis', s.x(day), s.x(day), s.top, s.bottom),
        s.x(day) < s.right - 60 ? label(s.x(day) + 4, s.h - 6, dayOf(day), 'start', '') : null,
      ]),
  ];
}

/** Tier changes that have room for their word. @param {Scale} s @param {Curve} curve */
function milestones(s, curve) {
  let edge = s.left + 20;
  return curve.changes
    .filter(change => ms(change.at) > s.from)
    .sort((a, b) => ms(a.at) - ms(b.at))
    .map(change => {
      const x = s.x(ms(change.at)),
        rises = curve.grid.rank(change.to) > curve.grid.rank(change.from);
      const text = curve.grid.tierName(change.to).toLowerCase(),
        y = s.y(valueOf(change, curve)) + (rises ? -8 : 18);
      if (x - 7 - text.length * 6.4 < edge) return null;
      edge = x;
      return label(x - 7, Math.max(y, s.top + 12), text, 'end');
    });
}

const valueOf = (change, curve) => change.score ?? within(curve.past, ms(change.at), ms(change.at))[0]?.[1] ?? 0;

/** Where the tier changes by itself: the word stands where the curve is not. @param {Scale} s @param {Curve} curve */
function crossing(s, curve) {
  const { next, grid } = curve;
  if (!next || next.at >= s.to) return null;
  const x = s.x(next.at),
    y = s.y(curve.nextScore),
    flip = x > s.right - 90;
  const above = !flip && y > s.top + 48;
  return [
    svg('circle', { class: 'cross', cx: x, cy: y, r: 4.5 }),
    label(
      x + (flip ? -8 : 10),
      y + (above ? -28 : 24),
      t('curve.becomes', { tier: grid.tierName(next.tier).toLowerCase() }),
      flip ? 'end' : 'start',
    ),
    label(
      x + (flip ? -8 : 10),
      y + (above ? -14 : 38),
      `${weekday(next.at)} ${clockTime(next.at)}`,
      flip ? 'end' : 'start',
    ),
  ];
}

/**
 * @param {Curve} curve @param {{w: number, h: number, from: number, to: number, narrow: boolean}} frame
 * @returns {{drawing: any, scale: Scale, cursor: any}}
 */
export function drawCurve(curve, { w, h, from, to, narrow }) {
  const s = new Scale({ w, h, from, to, ...curve.range }),
    nowX = s.x(curve.now);
  const cursor = svg('line', { class: 'cur', y1: s.top, y2: s.bottom, x1: 0, x2: 0, visibility: 'hidden' });
  const drawing = svg(
    'svg',
    { class: 'chart', 'aria-hidden': 'true', viewBox: `0 0 ${w} ${h}`, width: '100%' },
    bands(s, curve.grid),
    calendar(s),
    bounds(s, curve.grid, narrow),
    svg('path', { class: 'past', d: s.path(within(curve.past, from, curve.now)) }),
    svg('path', { class: 'fut', d: s.path(within(curve.future, curve.now, to)) }),
    curve.events
      .filter(at => at > from && at <= curve.now)
      .map(at => line('ev', s.x(at), s.x(at), s.bottom + 1, s.bottom + 9)),
    line('nowl', nowX, nowX, s.top - 6, s.bottom + 9),
    label(nowX + 7, s.top + 2, t('curve.now')),
    cursor,
    milestones(s, curve),
    svg('circle', { class: `nowd s-${curve.grid.look(curve.tier)}`, cx: nowX, cy: s.y(curve.score), r: 5 }),
    crossing(s, curve),
  );
  return { drawing, scale: s, cursor };
}
