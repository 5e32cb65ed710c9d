// Answers to alerts: applied at once, undone for ten seconds, sent again where they failed.
import { postAnswer } from './api.js';
import { now } from './clock.js';
import { askName, myName } from './me.js';

const UNDO_MS = 10_000;

/** @typedef {'accepted' | 'rejected' | 'wrong'} Answer */
/** @typedef {{answer: Answer | 'withdrawn', note?: string, status: 'sent' | 'failed', undoable: boolean, before: any, timer?: ReturnType<typeof setTimeout>}} Given */

export class Answers {
  /** @param {(alert: any, given: Given | undefined) => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {Map<string, Given>} */
    this.given = new Map();
    /** @type {any[]} the last one on top */
    this.undoable = [];
  }

  /** @param {any} alert */
  of(alert) {
    return this.given.get(alert.id);
  }

  /** @param {any} alert @param {Answer} answer @param {string} [note] */
  async give(alert, answer, note) {
    const by = myName() || (await askName());
    if (!by) return;
    const held = this.given.get(alert.id);
    const before = held && held.status === 'sent' && held.undoable ? held.before : alert.answer;
    this.forget(alert);
    alert.answer = { answer, by, note, at: new Date(now()).toISOString() };
    /** @type {Given} */
    const given = { answer, note, status: 'sent', undoable: true, before };
    given.timer = setTimeout(() => {
      this.forget(alert);
      this.changed(alert, undefined);
    }, UNDO_MS);
    this.given.set(alert.id, given);
    this.undoable.push(alert);
    this.changed(alert, given);
    await this.send(alert, given, by);
  }

  /** @param {any} [alert] the last answer, where none is named */
  async undo(alert = this.undoable[this.undoable.length - 1]) {
    const given = alert && this.given.get(alert.id);
    if (!given?.undoable) return;
    this.forget(alert);
    alert.answer = given.before;
    this.changed(alert, undefined);
    await this.send(alert, { answer: 'withdrawn', status: 'sent', undoable: false, before: given.before }, myName());
  }

  /** @param {any} alert */
  async resend(alert) {
    const given = this.given.get(alert.id);
    if (!given || given.status !== 'failed') return;
    this.given.delete(alert.id);
    if (given.answer === 'withdrawn') await this.send(alert, { ...given, status: 'sent' }, myName());
    else await this.give(alert, given.answer, given.note);
  }

  /** @param {any} alert @param {Given} given @param {string} by */
  async send(alert, given, by) {
    try {
      const body = { answer: given.answer, by, ...(given.note ? { note: given.note } : {}) };
      await postAnswer(alert.id, body);
    } catch {
      if (given.answer !== 'withdrawn' && this.given.get(alert.id) !== given) return; // answered anew or undone meanwhile
      this.forget(alert);
      given.status = 'failed';
      given.undoable = false;
      if (given.answer !== 'withdrawn') alert.answer = given.before;
      this.given.set(alert.id, given);
    }
    this.changed(alert, this.given.get(alert.id));
  }

  /** @param {any} alert */
  forget(alert) {
    clearTimeout(this.given.get(alert.id)?.timer);
    this.given.delete(alert.id);
    this.undoable = this.undoable.filter(other => other !== alert);
  }
}
