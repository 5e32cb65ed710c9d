// One lead as it stands at a moment: its record, its fading score, its tier and when that changes.
import { jumps, read, terms } from './fade.js';
import { MINUTE, ms } from './format.js';
import { nextTier } from './tier.js';
import { t } from './texts.js';
/** @typedef {import('./grid.js').Grid} Grid */

/** How long after its last page a visitor counts as being on the site. */
const PRESENT = 30 * MINUTE;

export class Entry {
  /** @param {any} record @param {Grid} grid @param {number} now */
  constructor(record, grid, now) {
    this.grid = grid;
    this.record = {};
    this.update(record, now);
  }

  /** Takes a newer record; what the stream's shorter one leaves out stays as it was. @param {any} record @param {number} now */
  update(record, now) {
    const { next_tier: _, ...rest } = this.record;
    this.record = { ...rest, ...record };
    this.terms = terms(record);
    this.tier = record.tier;
    this.next =
      record.next_tier !== undefined && record.next_tier !== null
        ? { tier: record.next_tier.tier, at: ms(record.next_tier.at) }
        : record.next_tier === null
          ? null
          : nextTier(this.terms, this.grid, this.tier, Math.max(now, ms(record.as_of) || now));
    this.settle(now);
  }

  get id() {
    return this.record.lead_id;
  }

  /** Follows the tier through the moments that have passed. @param {number} now */
  settle(now) {
    for (let guard = 0; this.next && now >= this.next.at && guard < 8; guard++) {
      this.tier = this.next.tier;
      this.next = nextTier(this.terms, this.grid, this.tier, this.next.at);
    }
    return this.tier;
  }

  /** @param {number} at */
  at(at) {
    return read(this.terms, this.grid, at);
  }

  /** @param {number} at */
  score(at) {
    return read(this.terms, this.grid, at).total;
  }

  /** @param {number} at */
  jumps(at) {
    return jumps(this.terms, at);
  }

  get anonymous() {
    const { first_name, last_name, name, email } = this.record.traits ?? {};
    return !(first_name || last_name || name || email);
  }

  get name() {
    const { first_name, last_name, name, email } = this.record.traits ?? {};
    const full = [first_name, last_name].filter(Boolean).join(' ');
    return String(full || name || email || t('lead.anonymous'));
  }

  /** What stands under the name. */
  get about() {
    const { company, title, city } = this.record.traits ?? {};
    const parts = this.anonymous ? [company, city, this.id] : [company, title];
    return parts.filter(Boolean).join(' · ');
  }

  /** Whether the lead is on the site. @param {number} now */
  present(now) {
    const last = this.record.last_event;
    return Boolean(last) && (last.type === 'page_view' || last.type === 'page_time') && now - ms(last.time) < PRESENT;
  }

  /** How the score moved in 24 hours, or null where nothing tells. @param {number} now */
  moved(now) {
    const spark = this.record.spark;
    return spark?.length >= 2 ? this.score(now) - spark[spark.length - 2] : null;
  }

  /** Moment of the newest event. */
  get newest() {
    return ms(this.record.last_event?.time) || ms(this.record.as_of) || 0;
  }

  /** The unmet bound that keeps a high score out of a higher tier. @param {number} now @returns {{tier: string, score: string, least: number} | null} */
  gate(now) {
    const reading = this.at(now),
      above = this.grid.tiers[this.grid.rank(this.tier) + 1];
    if (!above || reading.total < (above.from ?? Infinity)) return null;
    const unmet = Object.entries(above.requires).find(([name, least]) => (reading.scores[name] ?? 0) < least);
    return unmet ? { tier: above.id, score: unmet[0], least: unmet[1] } : null;
  }
}
