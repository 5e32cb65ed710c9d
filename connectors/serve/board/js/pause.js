// Pause: the reader's clock stands still, facts are held and counted; resuming applies them.
import { freeze, now } from './clock.js';
import { hold } from './ticker.js';

/** @type {(() => void)[]} */
let held = [];
/** @type {number | null} */
let since = null;
/** @type {Set<() => void>} */
const watchers = new Set();

export const paused = () => since !== null;
export const heldCount = () => held.length;
export const pausedSince = () => since;
/** @param {() => void} watcher */
export const onPause = watcher => watchers.add(watcher);

const tell = () => watchers.forEach(watcher => watcher());

export function togglePause() {
  if (since === null) {
    freeze(true);
    since = now();
    hold(true);
  } else {
    since = null;
    freeze(false);
    const waiting = held;
    held = [];
    waiting.forEach(apply => apply());
    hold(false);
  }
  tell();
}

/** Applies a change now, or when the reader resumes. @param {() => void} apply */
export function unlessPaused(apply) {
  if (since === null) return apply();
  held.push(apply);
  tell();
}
