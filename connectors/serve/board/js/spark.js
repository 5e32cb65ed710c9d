// The sparkline: the score of each of 7 days, the last one now, then 3 days to come if nothing happens; dotted threshold.
import { svg } from './dom.js';
import { DAY, number } from './format.js';
import { t } from './texts.js';

const W = 124,
  H = 32,
  PAST = 6 * DAY, // from the first of seven points to the last
  AHEAD = 3 * DAY;
const x = age => ((age + PAST) / (PAST + AHEAD)) * W;

/** @param {[number, number][]} places */
const path = places => places.map(([px, py], i) => `${i ? 'L' : 'M'}${px.toFixed(1)} ${py.toFixed(1)}`).join('');

/** @param {import('./entry.js').Entry} entry @param {number} now */
function future(entry, now) {
  const ages = Array.from({ length: 13 }, (_, i) => (i * AHEAD) / 12);
  for (const jump of entry.jumps(now)) if (jump < now + AHEAD) ages.push(jump - now - 1, jump - now);
  return ages
    .filter(age => age >= 0)
    .sort((a, b) => a - b)
    .map(age => /** @type {[number, number]} */ ([age, entry.score(now + age)]));
}

/** @param {import('./entry.js').Entry} entry @param {number} now */
export function spark(entry, now) {
  const { grid, record } = entry,
    bounds = Object.values(grid.scores);
  const high = bounds.reduce((sum, b) => sum + Math.max(0, b.max ?? 60), 0);
  const y = score => H - 2 - (Math.max(0, Math.min(high, score)) / high) * (H - 4);
  const score = entry.score(now),
    days = record.spark ?? [];
  const past = days
    .slice(0, -1)
    .map((value, i) => /** @type {[number, number]} */ ([x((i + 1 - days.length) * DAY), y(value)]));
  past.push([x(0), y(score)]);
  const ahead = future(entry, now),
    end = ahead[ahead.length - 1][1];
  const hotFrom = grid.top.from ?? 0;
  return svg(
    'svg',
    {
      class: `spark s-${grid.look(entry.tier)}`,
      role: 'img',
      width: W,
      height: H,
      viewBox: `0 0 ${W} ${H}`,
      'aria-label': t('spark.name', { from: number(days[0] ?? score, 0), to: number(end, 0) }),
    },
    svg('line', { class: 'thr', x1: 0, x2: W, y1: y(hotFrom), y2: y(hotFrom) }),
    svg('path', { class: 'past', d: path(past) }),
    svg('path', { class: 'fut', d: path(ahead.map(([age, value]) => [x(age), y(value)])) }),
    svg('circle', { cx: x(0), cy: y(score), r: 2.6 }),
  );
}
