// What pages show of an account: where it is, its leads, how many stand in each tier.
import { h } from './dom.js';
import { number } from './format.js';
import { glyph, tierTag } from './icons.js';
import { t } from './texts.js';
/** @typedef {import('./grid.js').Grid} Grid */

/** @param {string} id */
export const accountHref = id => `/accounts/${encodeURIComponent(id)}`;
/** @param {string} id */
export const leadHref = id => `/leads/${encodeURIComponent(id)}`;

/** The leads that an account, or its alert, names; hottest first. @param {any[]} leads @param {Grid} grid */
export const leadList = (leads, grid) =>
  h(
    'ul',
    { class: 'why sm', role: 'list' },
    leads.map(lead =>
      h(
        'li',
        {},
        glyph(grid.look(lead.tier)),
        ' ',
        h('a', { href: leadHref(lead.lead_id) }, lead.name ?? t('lead.anonymous')),
        ' ',
        h('span', { class: 'pts' }, number(lead.score)),
      ),
    ),
  );

/** How many leads stand in each tier, the highest first. @param {Record<string, number>} tiers @param {Grid} grid */
export const tierCounts = (tiers, grid) =>
  h(
    'span',
    { class: 'tier-counts' },
    [...grid.tiers]
      .reverse()
      .filter(({ id }) => tiers[id])
      .map(({ id }) => h('span', { class: 'nw' }, `${number(tiers[id], 0)} `, tierTag(grid, id))),
  );
