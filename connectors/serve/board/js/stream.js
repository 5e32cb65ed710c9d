// The server's events: connects, says when the line is lost, comes back.
import { correct, now } from './clock.js';
import { ms } from './format.js';

/** @typedef {{kind: 'live'} | {kind: 'lost', since: number, retryAt: number | null} | {kind: 'refused'}} Line */
/** @typedef {{hello?: (again: boolean) => void, score?: (record: any) => void, removed?: (gone: {lead_id: string}) => void, alert?: (alert: any) => void, answer?: (answer: any) => void, account?: (account: any) => void, state?: (state: any) => void, line?: (line: Line) => void}} Listener */

const FIRST_WAIT = 2_000,
  LONGEST_WAIT = 30_000;
/** How long a silence may be before it is worth a word: a restart behind a proxy heals by itself. */
const GRACE = 1_500;

export class Stream {
  /** @param {Listener} listener */
  constructor(listener) {
    this.listener = listener;
    this.wait = FIRST_WAIT;
    this.lastNews = now();
    this.lost = false;
    /** Whether what was missed must be fetched: a fresh connection resumes from nowhere. */
    this.fresh = false;
    this.connect();
    addEventListener('online', () => this.lost && this.retry());
  }

  connect() {
    clearTimeout(this.timer);
    this.source?.close();
    this.source = new EventSource('/v1/stream');
    this.source.addEventListener('hello', event => this.opened(JSON.parse(event.data)));
    for (const name of ['score', 'removed', 'alert', 'answer', 'account', 'state']) {
      this.source.addEventListener(name, event => {
        this.lastNews = now();
        this.listener[name]?.(JSON.parse(event.data));
      });
    }
    this.source.onerror = () => this.failed();
  }

  /** @param {any} hello */
  opened(hello) {
    clearTimeout(this.grace);
    correct(hello);
    this.lastNews = now();
    this.wait = FIRST_WAIT;
    const again = this.fresh || Boolean(hello.reset);
    this.lost = this.fresh = false;
    this.listener.line?.({ kind: 'live' });
    this.listener.hello?.(again);
  }

  failed() {
    const refused = this.source?.readyState === EventSource.CLOSED;
    if (!this.lost) {
      this.lost = true;
      this.since = Date.now();
      this.grace = setTimeout(() => this.tellLost(), GRACE);
    }
    if (!refused) return; // the browser reconnects by itself, and resumes from the last event
    this.fresh = true;
    this.retryAt = Date.now() + this.wait;
    this.timer = setTimeout(() => this.connect(), this.wait);
    this.wait = Math.min(LONGEST_WAIT, this.wait * 2);
    this.whyRefused();
    if (Date.now() - this.since > GRACE) this.tellLost();
  }

  tellLost() {
    if (this.lost)
      this.listener.line?.({ kind: 'lost', since: this.lastNews, retryAt: this.fresh ? (this.retryAt ?? null) : null });
  }

  /** An EventSource doesn't tell the status: one request does. */
  async whyRefused() {
    const response = await fetch('/v1/status').catch(() => null);
    if (response?.status === 401 || response?.status === 403) {
      clearTimeout(this.timer);
      clearTimeout(this.grace);
      this.listener.line?.({ kind: 'refused' });
    }
  }

  retry() {
    this.fresh = true;
    this.retryAt = null;
    this.connect();
  }
}

/** @param {any} state */
export const catchingUp = state => (state?.catching_up ? ms(state.catching_up.counted_to) : null);
