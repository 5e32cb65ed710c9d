// A score at any moment from its record: the contract's formula, on the reader's clock.
import { ms } from './format.js';
/** @typedef {import('./grid.js').Grid} Grid */
/** @typedef {{criterion: string, points: number, halfLife: number | null, asOf: number, until: number}} Fading points before bounds; halfLife in ms */
/** @typedef {{criterion: string, points: number, from: number}} Pending */
/** @typedef {{fixed: [string, number][], fading: Fading[], pending: Pending[]}} Terms */
/** @typedef {{total: number, scores: Record<string, number>, points: Map<string, number>}} Reading */

/** Reads what a record says about time. @param {any} record @returns {Terms} */
export function terms(record) {
  const fading = (record.fading ?? []).map(([criterion, points, halfLife, asOf, until]) => ({
    criterion,
    points,
    halfLife: halfLife === null ? null : halfLife * 1000,
    asOf: ms(asOf),
    until: until ? ms(until) : Infinity,
  }));
  const moving = new Set(fading.map(f => f.criterion));
  const pending = (record.pending ?? []).map(([criterion, points, from]) => ({ criterion, points, from: ms(from) }));
  const fixed = Object.entries(record.contributions ?? {}).filter(([criterion]) => !moving.has(criterion));
  return { fixed: /** @type {[string, number][]} */ (fixed), fading, pending };
}

/** @param {number} x @param {number | null | undefined} low @param {number | null | undefined} high */
const clamp = (x, low, high) => Math.min(high ?? Infinity, Math.max(low ?? -Infinity, x));

/** What a lead has at a moment if nothing more happens. @param {Terms} terms @param {Grid} grid @param {number} at @returns {Reading} */
export function read(terms, grid, at) {
  /** @type {Map<string, number>} */
  const points = new Map(terms.fixed);
  const add = (criterion, x) => points.set(criterion, (points.get(criterion) ?? 0) + x);
  for (const f of terms.fading) {
    if (at < f.until) add(f.criterion, f.halfLife === null ? f.points : f.points * 2 ** (-(at - f.asOf) / f.halfLife));
  }
  for (const p of terms.pending) if (at >= p.from) add(p.criterion, p.points);
  /** @type {Record<string, number>} */
  const sums = Object.fromEntries(Object.keys(grid.scores).map(name => [name, 0]));
  for (const [criterion, raw] of points) {
    const c = grid.criteria.get(criterion);
    if (!c) {
      points.delete(criterion);
      continue;
    }
    const bounded = c.points < 0 ? clamp(raw, c.max, 0) : clamp(raw, 0, c.max);
    points.set(criterion, bounded);
    sums[c.score] += bounded;
  }
  let total = 0;
  for (const name of Object.keys(sums))
    total += sums[name] = clamp(sums[name], grid.scores[name]?.min, grid.scores[name]?.max);
  return { total, scores: sums, points };
}

/** Moments after `at` at which the score jumps. @param {Terms} terms @param {number} at */
export const jumps = (terms, at) =>
  [...new Set([...terms.fading.map(f => f.until), ...terms.pending.map(p => p.from)])]
    .filter(moment => moment > at && Number.isFinite(moment))
    .sort((a, b) => a - b);
