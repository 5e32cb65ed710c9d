// The icons, drawn by hand on 16 units, and the tier glyph.
import { h, svg } from './dom.js';

/** @type {Record<string, string>} */
const PATHS = {
  list: 'M2 4h12M2 8h12M2 12h8',
  bell: 'M4 11V7a4 4 0 0 1 8 0v4l1 1.5H3zM6.5 14.5h3',
  firm: 'M2 14V3h7v11M9 7h5v7M1 14h14M4.5 6h2M4.5 9h2M11.5 10v.2',
  plug: 'M6 2v4M10 2v4M4 6h8v3a4 4 0 0 1-8 0zM8 13v2',
  pause: 'M5 3v10M11 3v10',
  play: 'M5 3l8 5-8 5z',
  search: 'M11.5 7a4.5 4.5 0 1 1-9 0 4.5 4.5 0 0 1 9 0M10.5 10.5 14 14',
  phone: 'M3 2h3l1 4-2 1a8 8 0 0 0 4 4l1-2 4 1v3c0 1-1 1-1 1A12 12 0 0 1 2 3c0-1 1-1 1-1z',
  mail: 'M2 4h12v9H2zM2 4l6 5 6-5',
  check: 'm3 8.5 3.5 3.5L13 4.5',
  warn: 'M8 2 1.5 13.5h13zM8 6.5v3.5M8 12v.2',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5z',
  clock: 'M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0M8 4.5V8l2.5 1.5',
  keys: 'M1.5 4.5h13v8h-13zM4 7h.5M7 7h.5M10 7h.5M4.5 10h7',
};

/** @param {string} name @param {number} [size] */
export const icon = (name, size = 16) =>
  svg(
    'svg',
    { class: 'icon', 'aria-hidden': 'true', width: size, height: size, viewBox: '0 0 16 16' },
    svg('path', { d: PATHS[name] }),
  );

/** Three rising bars, as many filled as the tier is high. @param {string} look @param {string} [extra] */
export const glyph = (look, extra = '') =>
  h('span', { class: `tg t-${look} ${extra}`.trim(), 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));

/** Glyph and word. @param {import('./grid.js').Grid} grid @param {string} id */
export const tierTag = (grid, id) =>
  h('span', { class: `tier t-${grid.look(id)}` }, glyph(grid.look(id)), grid.tierName(id));
