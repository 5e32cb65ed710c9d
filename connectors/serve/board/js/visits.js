// What happened, gathered: visits are events less than 30 minutes apart; tier changes stand above what made them.
import { MINUTE, ms } from './format.js';

const GAP = 30 * MINUTE;
const ON_SITE = new Set(['page_view', 'page_time', 'download', 'form_submit']);
/** @typedef {{kind: 'visit' | 'single' | 'identity' | 'answer', at: number, until: number, events: any[]} | {kind: 'change', at: number, until: number, change: any}} Item */

/** @param {any} event */
const kindOf = event =>
  event.type === 'identify' || event.type === 'alias' ? 'identity' : event.type === 'outcome' ? 'answer' : 'single';

/** @param {any} event */
const onSite = event =>
  ON_SITE.has(event.type) ||
  !(
    kindOf(event) !== 'single' ||
    event.type.startsWith('email_') ||
    event.type === 'unsubscribe' ||
    event.type === 'nps'
  );

/** @param {any[]} events @param {any[]} changes @returns {Item[]} newest first */
export function gather(events, changes) {
  /** @type {Item[]} */
  const items = [];
  /** @type {any} */
  let visit = null;
  for (const event of [...events].sort((a, b) => ms(a.time) - ms(b.time))) {
    const at = ms(event.time);
    if (onSite(event) && visit && at - visit.until < GAP) {
      visit.events.unshift(event);
      visit.until = at;
      visit.kind = 'visit';
      continue;
    }
    const item = { kind: kindOf(event), at, until: at, events: [event] };
    items.push(/** @type {Item} */ (item));
    if (onSite(event)) visit = item;
  }
  for (const change of changes) items.push({ kind: 'change', at: ms(change.at), until: ms(change.at), change });
  return items.sort((a, b) => b.at - a.at || (a.kind === 'change' ? -1 : 1));
}
