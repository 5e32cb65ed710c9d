// The server's clock on the reader's machine: demo clocks run faster until they meet the wall's.
import { ms } from './format.js';

let offset = 0;
let demo = { from: 0, starts: 0, rate: 1, meets: -Infinity };
/** @type {number | null} */
let frozen = null;

/** The server's wall clock. */
const wall = () => Date.now() + offset;

function running() {
  const at = wall();
  return at < demo.meets ? demo.starts + (at - demo.from) * demo.rate : at;
}

/** Now, in milliseconds of the product's clock; stands still while paused. */
export const now = () => frozen ?? running();

/** What the server says its clock is. @param {{now: string, rate?: number, meets?: string | null, wall_now?: string}} hello */
export function correct(hello) {
  const from = ms(hello.wall_now ?? hello.now);
  if (Number.isNaN(from)) return;
  offset = from - Date.now();
  const rate = hello.rate ?? 1;
  demo = { from, starts: ms(hello.now), rate, meets: rate !== 1 && hello.meets ? ms(hello.meets) : -Infinity };
}

/** True while a demo's clock runs faster. */
export const hurried = () => wall() < demo.meets;

/** @param {boolean} still */
export function freeze(still) {
  frozen = still ? running() : null;
}
