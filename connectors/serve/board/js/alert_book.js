// All alerts the board knows, and which of them await an answer.
import { ms } from './format.js';
/** @typedef {import('./grid.js').Grid} Grid */

/** Whether somebody is meant to answer: plays that only nurture ask nothing, nor what takes an alert back. @param {any} alert */
export const asks = alert =>
  !alert.withdrawn &&
  (alert.do ?? []).some(step => (typeof step === 'string' ? step === 'alert' : 'alert' in step));

/** @param {any} alert */
export const answered = alert => Boolean(alert.answer && alert.answer.answer !== 'withdrawn');

/** Whom an alert is about: the alerts of an account are not its hottest lead's. @param {any} alert @returns {string} */
const subject = alert => (alert.account ? `account ${alert.account}` : `lead ${alert.lead_id}`);

/** The tier that whom it is about stands in now. @param {any} alert @returns {string} */
export const tierNow = alert => (alert.account ? alert.account_tier : alert.lead?.tier) ?? alert.to;

export class AlertBook {
  /** @param {any[]} alerts */
  constructor(alerts = []) {
    /** @type {Map<string, any>} */
    this.alerts = new Map();
    alerts.forEach(alert => this.put(alert));
  }

  /** @param {any} alert @returns {boolean} whether it is new */
  put(alert) {
    const known = this.alerts.get(alert.id);
    this.alerts.set(alert.id, { answer: null, ...known, ...alert });
    return !known;
  }

  /** Newest first. */
  all() {
    return [...this.alerts.values()].sort((a, b) => ms(b.at) - ms(a.at) || (a.id < b.id ? -1 : 1));
  }

  /** @param {{alert_id?: string, id?: string, answer: string, by?: string, note?: string, at?: string}} event */
  answer(event) {
    const alert = this.alerts.get(event.alert_id ?? event.id ?? '');
    if (alert)
      alert.answer =
        event.answer === 'withdrawn' ? null : { answer: event.answer, by: event.by, note: event.note, at: event.at };
    return alert;
  }

  /** Takes a lead's newer record. @param {any} record */
  score(record) {
    for (const alert of this.alerts.values())
      if (alert.lead_id === record.lead_id) alert.lead = { ...alert.lead, next_tier: undefined, ...record };
  }

  /** Takes an account's newer row. @param {any} record */
  account(record) {
    for (const alert of this.alerts.values()) if (alert.account === record.account) alert.account_tier = record.tier;
  }

  /** Whether no newer alert of its lead, or account, asks for an answer. @param {any} alert */
  newest(alert) {
    return ![...this.alerts.values()].some(
      other => subject(other) === subject(alert) && other.id !== alert.id && asks(other) && ms(other.at) > ms(alert.at),
    );
  }

  /** Alerts that somebody should answer: unanswered, the lead's newest, and the lead is still where the alert saw it. @returns {any[]} newest first */
  awaiting() {
    const seen = new Set();
    return this.all().filter(alert => {
      if (!asks(alert)) return false;
      const first = !seen.has(subject(alert));
      seen.add(subject(alert));
      return first && !answered(alert) && tierNow(alert) === alert.to;
    });
  }

  /** Those of them that are about a lead, and not about its account. @returns {any[]} newest first */
  leadsAwaiting() {
    return this.awaiting().filter(alert => !alert.account);
  }
}
