// What every page starts with: words, grid, status, alerts, the stream and its banner.
import { ApiError, getAlerts, getGrid, getStatus } from './api.js';
import { AlertBook } from './alert_book.js';
import { news } from './announce.js';
import { Banner, loginHref } from './banner.js';
import { correct, hurried, now } from './clock.js';
import { moment } from './format.js';
import { Grid } from './grid.js';
import { enterByLink } from './key_link.js';
import { paused, unlessPaused } from './pause.js';
import { setClockNote, setCount, setGridName, setLine, shell } from './shell.js';
import { statePanel, waiting } from './states.js';
import { catchingUp, Stream } from './stream.js';
import { loadTexts, t } from './texts.js';
import { everySecond, tickNow } from './ticker.js';

/** Milliseconds until what failed is fetched again. */
const AGAIN = 5_000;
/** Milliseconds between two counts of all leads, while facts arrive. */
const RECOUNT = 10_000;

/**
 * @typedef {object} Page
 * @property {string} name
 * @property {() => {title: string, phone: any}} head
 * @property {(session: Session) => Promise<void>} load fetches and draws; called again after a lost line
 * @property {(record: any) => void} [score]
 * @property {(id: string) => void} [removed] a lead became part of another one, or was erased
 * @property {(alert: any, isNew: boolean) => void} [alert]
 * @property {(account: any) => void} [account] an account's row, with `count` 0 where it is no more
 * @property {() => void} [counted] how many leads there are by tier is known anew
 * @property {() => void} [tick]
 */

export class Session {
  /** @param {Page} page @param {HTMLElement} main */
  constructor(page, main) {
    this.page = page;
    this.main = main;
    this.body = document.createElement('div');
    this.book = new AlertBook();
    this.loaded = false;
    this.banner = new Banner({ retry: () => this.stream.retry() });
    this.body.append(waiting());
    main.append(this.banner.place, this.body);
    this.stream = new Stream({
      line: line => {
        setLine(line.kind === 'live' ? 'live' : 'lost');
        this.banner.setLine(line);
      },
      hello: again => {
        if (again || !this.loaded) this.load();
      },
      state: state => this.setState(state),
      score: record => this.arrived(() => this.score(record)),
      removed: gone => this.arrived(() => page.removed?.(gone.lead_id)),
      alert: alert => this.arrived(() => this.alert(alert)),
      answer: answer => this.arrived(() => this.answer(answer)),
      account: account => this.arrived(() => this.account(account)),
    });
    everySecond(() => {
      page.tick?.();
      this.clockNote();
    });
  }

  /** Fetches and draws; one at a time. */
  load() {
    this.loading ??= this.fetchAll().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  async fetchAll() {
    try {
      const [grid, status, alerts] = await Promise.all([getGrid(), getStatus(), getAlerts()]);
      correct({ wall_now: status.wall_now, ...status });
      this.grid = new Grid(grid);
      this.status = status;
      this.book = new AlertBook(alerts.alerts);
      setGridName(`${this.grid.name} · v${this.grid.version}`);
      this.setState(status);
      this.counted();
      await this.page.load(this);
      this.loaded = true;
      this.clockNote();
    } catch (error) {
      this.failed(error);
    }
  }

  /** @param {unknown} error */
  failed(error) {
    if (!(error instanceof ApiError) && !(error instanceof TypeError)) throw error;
    const status = error instanceof ApiError ? error.status : 0;
    if (status === 401 && !this.loaded) return location.replace(loginHref());
    if (this.loaded && status !== 404) {
      // the banner says it; what is shown stays, and is fetched anew as soon as that can be
      clearTimeout(this.again);
      if (status === 503 || status === 0) this.again = setTimeout(() => this.load(), AGAIN);
      return undefined;
    }
    const kind =
      status === 403 ? 'forbidden' : status === 404 ? 'not_found' : status === 503 ? 'rebuilding' : 'unreachable';
    this.body.replaceChildren(statePanel(kind, { whole: true, retry: () => this.load() }));
    if (status === 503) setTimeout(() => this.loaded || this.load(), AGAIN);
    return undefined;
  }

  /** @param {any} state */
  setState(state) {
    const counted = catchingUp(state),
      rebuilding = Boolean(state.rebuilding);
    const was = this.banner.state;
    if ((was.counted === null) !== (counted === null))
      news(t(counted === null ? 'banner.caught_up_said' : 'banner.catching_up_said'));
    this.banner.setState(counted, rebuilding);
    if (was.rebuilding && !rebuilding) this.load();
  }

  /** What arrives before the page stands is in what the page fetches. @param {() => void} apply */
  arrived(apply) {
    if (this.loaded) unlessPaused(apply);
  }

  /** @param {any} record */
  score(record) {
    this.book.score(record);
    this.page.score?.(record);
    this.counted();
    this.recounting ??= setTimeout(() => {
      this.recounting = undefined;
      if (!paused()) this.recount().catch(() => null); // else: by what is known
    }, RECOUNT);
  }

  /** Asks how many leads there are by tier. */
  async recount() {
    clearTimeout(this.recounting);
    this.recounting = undefined;
    this.status = await getStatus();
    this.counted();
    this.page.counted?.();
  }

  /** @param {any} alert */
  alert(alert) {
    const isNew = this.book.put(alert);
    if (isNew) news(t('alerts.arrived_said'));
    this.counted();
    this.page.alert?.(this.book.alerts.get(alert.id), isNew);
    tickNow();
  }

  /** @param {any} event */
  answer(event) {
    const alert = this.book.answer(event);
    this.counted();
    if (alert) this.page.alert?.(alert, false);
  }

  /** @param {any} record */
  account(record) {
    this.book.account(record);
    this.counted();
    this.page.account?.(record);
  }

  counted() {
    const leads = Object.values(this.status?.leads ?? {}).reduce((sum, n) => sum + Number(n), 0);
    setCount('leads', leads);
    setCount('alerts', this.book.awaiting().length, t('nav.unanswered'));
  }

  clockNote() {
    setClockNote(hurried() ? t('shell.hurried', { at: moment(now()) }) : null);
  }
}

/** @param {Page} page */
export async function start(page) {
  await Promise.all([loadTexts(), enterByLink()]);
  const { title, phone } = page.head();
  const main = shell({ page: page.name, title, phone });
  const session = new Session(page, main);
  await session.load();
}
