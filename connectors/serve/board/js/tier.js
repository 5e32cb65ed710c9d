// When a lead's tier changes if nothing more happens.
import { jumps, read } from './fade.js';
import { DAY, HOUR } from './format.js';
/** @typedef {import('./grid.js').Grid} Grid */

const EPSILON = 1e-9;

/** The tier a reading is in, coming from another one. @param {Grid} grid @param {import('./fade.js').Reading} reading @param {string} from */
export function tierOf(grid, reading, from) {
  const held = grid.rank(from);
  const holds = (tier, rank) => {
    const slack = (rank <= held ? grid.hysteresis : 0) + EPSILON;
    return (
      reading.total >= (tier.from ?? -Infinity) - slack &&
      Object.entries(tier.requires).every(([name, least]) => (reading.scores[name] ?? 0) >= least - slack)
    );
  };
  return grid.tiers.findLast(holds)?.id ?? grid.tiers[0].id;
}

/** Moments worth looking at: fine at first, then wider, and both sides of each jump. @param {import('./fade.js').Terms} terms @param {number} at */
function* steps(terms, at) {
  const ahead = jumps(terms, at);
  let next = 0;
  for (let age = 0; age < 3650 * DAY;) {
    age += age < 7 * DAY ? HOUR : age < 60 * DAY ? 6 * HOUR : age < 400 * DAY ? DAY : 10 * DAY;
    for (; next < ahead.length && ahead[next] <= at + age; next++) {
      yield ahead[next] - 1;
      yield ahead[next];
    }
    yield at + age;
  }
}

/** @param {import('./fade.js').Terms} terms @param {Grid} grid @param {string} tier @param {number} at @returns {{tier: string, at: number} | null} */
export function nextTier(terms, grid, tier, at) {
  if (!terms.fading.length && !terms.pending.length) return null;
  const look = moment => tierOf(grid, read(terms, grid, moment), tier);
  let before = at;
  for (const moment of steps(terms, at)) {
    if (look(moment) !== tier) {
      let low = before,
        high = moment;
      while (high - low > 500) {
        const middle = (low + high) / 2;
        if (look(middle) === tier) low = middle;
        else high = middle;
      }
      return { tier: look(high), at: high };
    }
    before = moment;
  }
  return null;
}
