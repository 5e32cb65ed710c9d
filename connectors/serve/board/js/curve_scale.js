// Where moments and scores lie on the curve, and what the curve is at a moment.
import { ms } from './format.js';
/** @typedef {[number, number][]} Points moment in ms and score, in order */

/** @param {[string, number][]} list @returns {Points} */
export const pointsOf = list =>
  (list ?? []).map(([time, score]) => /** @type {[number, number]} */ ([ms(time), score]));

/** The measured score at a moment, between the two points around it. @param {Points} past @param {number} at */
export function valueAt(past, at) {
  let low = 0,
    high = past.length - 1;
  if (high < 0) return 0;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (past[middle][0] <= at) low = middle;
    else high = middle - 1;
  }
  const [t0, v0] = past[low],
    after = past[low + 1];
  if (!after || at <= t0 || after[0] === t0) return v0;
  return v0 + ((after[1] - v0) * (at - t0)) / (after[0] - t0);
}

/** What lies within two moments, with a point on each edge. @param {Points} points @param {number} from @param {number} to @returns {Points} */
export function within(points, from, to) {
  const inside = points.filter(([at]) => at >= from && at <= to);
  if (points.length && points[0][0] < from) inside.unshift([from, valueAt(points, from)]);
  if (points.length && points[points.length - 1][0] > to) inside.push([to, valueAt(points, to)]);
  return inside;
}

export class Scale {
  /** @param {{w: number, h: number, from: number, to: number, low: number, high: number}} size */
  constructor({ w, h, from, to, low, high }) {
    Object.assign(this, { w, h, from, to, low, high });
    this.left = 34;
    this.right = w - 8;
    this.top = 14;
    this.bottom = h - 34;
  }

  /** @param {number} at */
  x(at) {
    return this.left + ((at - this.from) / (this.to - this.from)) * (this.right - this.left);
  }

  /** @param {number} score */
  y(score) {
    return (
      this.top +
      ((this.high - Math.max(this.low, Math.min(this.high, score))) / (this.high - this.low)) * (this.bottom - this.top)
    );
  }

  /** The moment under a place. @param {number} x */
  moment(x) {
    return this.from + ((x - this.left) / (this.right - this.left)) * (this.to - this.from);
  }

  /** @param {Points} points */
  path(points) {
    return points
      .map(([at, score], i) => `${i ? 'L' : 'M'}${this.x(at).toFixed(1)} ${this.y(score).toFixed(1)}`)
      .join('');
  }

  /** Midnights of one weekday (0 is Sunday), in the reader's time. @param {number} weekday */
  days(weekday) {
    const day = new Date(this.from),
      list = [];
    day.setHours(0, 0, 0, 0);
    for (; day.getTime() < this.to; day.setDate(day.getDate() + 1))
      if (day.getDay() === weekday) list.push(day.getTime());
    return list;
  }
}

/** The scores that a curve should leave room for. @param {import('./grid.js').Grid} grid @param {Points} points */
export function range(grid, points) {
  const scores = points.map(([, score]) => score),
    top = grid.top.from ?? 60;
  return {
    low: Math.min(0, ...scores) && Math.floor(Math.min(0, ...scores) / 10) * 10,
    high: Math.max(top * 1.25, ...scores.map(score => score * 1.08), 10),
  };
}
