// The order of the list, and how many leads stand elsewhere than on the screen.

/** @typedef {import('./entry.js').Entry} Entry */
/** @typedef {'score' | 'cools' | 'recent' | 'name'} Sort */

/** @param {Sort} sort @param {number} now @returns {(a: Entry, b: Entry) => number} */
export function comparing(sort, now) {
  const byId = (a, b) => (a.id < b.id ? -1 : 1);
  if (sort === 'name') return (a, b) => a.name.localeCompare(b.name) || byId(a, b);
  if (sort === 'recent') return (a, b) => b.newest - a.newest || byId(a, b);
  if (sort === 'cools') return (a, b) => (a.next?.at ?? Infinity) - (b.next?.at ?? Infinity) || byId(a, b);
  return (a, b) => b.score(now) - a.score(now) || byId(a, b);
}

/** Length of the longest increasing run that can be picked out of numbers. @param {number[]} numbers */
export function longestRise(numbers) {
  /** @type {number[]} */
  const tails = [];
  for (const n of numbers) {
    let low = 0,
      high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (tails[middle] < n) low = middle + 1;
      else high = middle;
    }
    tails[low] = n;
  }
  return tails.length;
}

/**
 * How many leads must move to get from the order shown to the order due.
 * @param {string[]} shown @param {string[]} due the same ids
 */
export function moved(shown, due) {
  const place = new Map(due.map((id, index) => [id, index]));
  return shown.length - longestRise(shown.map(id => place.get(id) ?? -1));
}
