// The grid in force, as pages ask it: labels, bounds, tiers and their ranks.
import { has, lang, t, unbroken } from './texts.js';

/** @typedef {{id: string, label: Record<string, string> | string, score: string, points: number, max: number | null, half_life_s: number | null, event?: any, repeat?: any, absent?: any, lead?: any}} Criterion */
/** @typedef {{id: string, from: number | null, requires: Record<string, number>}} Tier */

/** `outcome_won` → `Outcome won`. @param {string} id */
export const humanize = id => {
  const words = id.replace(/[-_]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export class Grid {
  /** @param {any} json what `GET /v1/grid` gives */
  constructor(json) {
    this.name = json.grid;
    this.version = json.version;
    this.hysteresis = json.hysteresis ?? 0;
    /** @type {Record<string, {min: number | null, max: number | null}>} */
    this.scores = json.scores;
    /** @type {Map<string, Criterion>} */
    this.criteria = new Map(json.criteria.map(c => [c.id, c]));
    /** @type {Tier[]} lowest first */
    this.tiers = json.tiers.map(tier => ({ id: tier.id, from: tier.from ?? null, requires: tier.requires ?? {} }));
    /** @type {Grid} the same, with the tiers of accounts, which may have their own */
    this.ofAccounts = json.accounts?.tiers ? new Grid({ ...json, tiers: json.accounts.tiers, accounts: null }) : this;
    this.plays = new Map((json.plays ?? []).map(play => [play.id, play]));
  }

  /** The reason in the reader's language. @param {string} id @param {any} [label] as a record carries it, where the grid no longer has it */
  label(id, label) {
    const given = this.criteria.get(id)?.label ?? label;
    const words = typeof given === 'string' ? given : (given?.[lang] ?? given?.fr ?? given?.en ?? humanize(id));
    return lang === 'fr' ? unbroken(words) : words;
  }

  /** @param {string} id */
  rank(id) {
    return this.tiers.findIndex(tier => tier.id === id);
  }

  get top() {
    return this.tiers[this.tiers.length - 1];
  }

  /** Which of the three looks a tier has. @param {string} id @returns {'hot' | 'warm' | 'cold'} */
  look(id) {
    const rank = this.rank(id);
    return rank > 0 && rank === this.tiers.length - 1 ? 'hot' : rank > 0 ? 'warm' : 'cold';
  }

  /** @param {string} id */
  tierName(id) {
    return has(`tier.${id}`) ? t(`tier.${id}`) : humanize(id);
  }

  /** The plural, as a heading. @param {string} id */
  tierPlural(id) {
    return has(`tiers.${id}`) ? t(`tiers.${id}`) : humanize(id);
  }

  /** @param {string} id */
  playName(id) {
    return has(`play.${id}`) ? t(`play.${id}`) : humanize(id);
  }
}
