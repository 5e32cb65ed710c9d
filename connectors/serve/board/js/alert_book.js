// All alerts the board knows, and which of them await an answer.
import { ms } from './format.js';
/** @typedef {import('./grid.js').Grid} Grid */

/** Whether somebody is meant to answer: plays that only nurture ask nothing, nor what takes an alert back. @param {any} alert */
export const asks = alert =>
  !alert.withdrawn &&
  (alert.do ?? []).some(step => (typeof step === 'string' ? step === 'alert' : 'alert' in step));

/** @param {any} alert */
export const answered = alert => Boolean(alert.answer && alert.answer.answer !== 'withdrawn');

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

  /** Whether no newer alert of its lead asks for an answer. @param {any} alert */
  newest(alert) {
    return ![...this.alerts.values()].some(
      other => other.lead_id === alert.lead_id && other.id !== alert.id && asks(other) && ms(other.at) > ms(alert.at),
    );
  }

  /** Alerts that somebody should answer: unanswered, the lead's newest, and the lead is still where the alert saw it. @returns {any[]} newest first */
  awaiting() {
    const seen = new Set();
    return this.all().filter(alert => {
      if (!asks(alert)) return false;
      const first = !seen.has(alert.lead_id);
      seen.add(alert.lead_id);
      return first && !answered(alert) && (alert.lead?.tier ?? alert.to) === alert.to;
    });
  }
}
