// Tells screen readers: the reader's own acts at once, what arrives at most once in ten seconds.

const EVERY = 10_000;
/** @type {Set<string>} */
let waiting = new Set();
let last = -Infinity;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** @param {string} text */
function speak(text) {
  const region = document.getElementById('say');
  if (region) region.textContent = text;
  last = performance.now();
}

/** What the reader just did. @param {string} text */
export const say = speak;

function flush() {
  timer = undefined;
  speak([...waiting].slice(-4).join('. '));
  waiting = new Set();
}

/** What arrived by itself. @param {string} text */
export function news(text) {
  waiting.add(text);
  timer ??= setTimeout(flush, Math.max(0, last + EVERY - performance.now()));
}
