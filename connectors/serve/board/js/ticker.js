// Calls what shows time once a second, on the second; nothing while paused or out of sight.

/** @type {Set<() => void>} */
const listeners = new Set();
let still = false;

function beat() {
  if (still || document.hidden) return;
  for (const listener of [...listeners]) listener();
}

setInterval(beat, 1000);
document.addEventListener('visibilitychange', beat);

/** @param {() => void} listener @returns {() => void} stops it */
export function everySecond(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {boolean} stop */
export function hold(stop) {
  still = stop;
  beat();
}

/** Shows the present at once, after something arrived. */
export const tickNow = beat;
