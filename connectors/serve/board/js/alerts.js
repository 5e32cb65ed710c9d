// Alerts: what awaits an answer, soonest to cool on top; was it delivered?
import { news, say } from './announce.js';
import { answered, asks } from './alert_book.js';
import { AlertRow } from './alert_row.js';
import { alertStats } from './alert_stats.js';
import { Answers } from './answers.js';
import { now } from './clock.js';
import { h, replace, setText } from './dom.js';
import { dayTitle, ms, sameDay, span } from './format.js';
import { bindKeys } from './keys.js';
import { myName } from './me.js';
import { start } from './session.js';
import { statePanel } from './states.js';
import { locale, t, tn } from './texts.js';

const SHOWS = ['all', 'open', 'mine'];
/** How many alerts are drawn at once. */
const STEP = 100;

class AlertsPage {
  name = 'alerts';

  head() {
    return {
      title: t('nav.alerts'),
      phone: h('span', { class: 'b phone-title', 'aria-hidden': 'true' }, t('nav.alerts')),
    };
  }

  /** @param {import('./session.js').Session} session */
  async load(session) {
    this.session = session;
    if (!this.rows) this.frame();
    this.draw();
  }

  frame() {
    const given = new URLSearchParams(location.search).get('show') ?? '';
    this.wanted = SHOWS.includes(given) ? given : 'all';
    this.limit = STEP;
    /** @type {Map<string, AlertRow>} */
    this.rows = new Map();
    /** @type {Set<string>} */
    this.fresh = new Set();
    this.answers = new Answers((alert, answer) => this.answerChanged(alert, answer));
    this.sub = h('p', { class: 'sub sm' });
    this.pillText = h('span');
    this.pill = h(
      'span',
      { class: 'pill', hidden: true },
      this.pillText,
      h(
        'button',
        { type: 'button', 'data-show': true, onclick: () => this.showNew() },
        t('alerts.show'),
        ' ',
        h('kbd', { 'aria-hidden': 'true' }, 'R'),
      ),
    );
    this.stats = h('div', { class: 'stats', role: 'group', 'aria-label': t('alerts.stats') });
    this.tabs = h('div', { class: 'seg', role: 'group', 'aria-label': t('alerts.which') });
    this.content = h('div');
    replace(
      this.session.body,
      h('div', { class: 'page-head' }, h('h1', {}, t('nav.alerts')), this.sub, h('div', { class: 'end' }, this.pill)),
      this.stats,
      h('div', { class: 'bar' }, this.tabs),
      this.content,
    );
    const give = answer => () => {
      const row = this.current;
      if (row && asks(row.alert) && !answered(row.alert)) this.answers.give(row.alert, answer);
    };
    bindKeys({
      j: () => this.step(1),
      k: () => this.step(-1),
      r: () => this.showNew(),
      z: () => this.answers.undo(),
      a: give('accepted'),
      n: give('rejected'),
      x: give('wrong'),
    });
    this.content.addEventListener('focusin', event => {
      this.current = this.rows.get(event.target.closest?.('[data-alert]')?.dataset.alert) ?? this.current;
    });
  }

  /** Moment at which an alert's lead cools. @param {any} alert */
  cools(alert) {
    return Date.parse(alert.lead?.next_tier?.at) || this.rows.get(alert.id)?.entry?.next?.at || Infinity;
  }

  /** @returns {{waiting: any[], rest: any[]}} */
  due() {
    const { book } = this.session,
      waiting = book.awaiting().sort((a, b) => this.cools(a) - this.cools(b)),
      open = new Set(waiting.map(alert => alert.id));
    const mine = alert => alert.answer?.by && alert.answer.by === myName();
    const rest =
      this.wanted === 'open'
        ? []
        : book.all().filter(alert => !open.has(alert.id) && (this.wanted === 'all' || mine(alert)));
    return { waiting: this.wanted === 'mine' ? [] : waiting, rest: rest.slice(0, this.limit) };
  }

  draw() {
    const at = now(),
      { waiting, rest } = this.due(),
      focused = /** @type {HTMLElement | null} */ (document.activeElement);
    const rows = new Map();
    const row = alert => {
      const made = this.rows.get(alert.id) ?? new AlertRow(alert, this.session.grid, this.answers, this.session.book);
      made.draw(alert, at);
      rows.set(alert.id, made);
      return made.element;
    };
    const sections = [];
    this.open = h('span', { class: 'mute' });
    if (waiting.length)
      sections.push(
        h(
          'h2',
          { class: 'day' },
          t('alerts.waiting'),
          ' ',
          this.open,
        ),
        h('ol', { role: 'list' }, waiting.map(row)),
      );
    for (let i = 0; i < rest.length;) {
      const day = ms(rest[i].at),
        from = i;
      while (i < rest.length && sameDay(ms(rest[i].at), day)) i++;
      sections.push(
        h('h2', { class: 'day' }, dayTitle(day, at)),
        h('ol', { role: 'list' }, rest.slice(from, i).map(row)),
      );
    }
    this.rows = rows;
    const more =
      rest.length === this.limit
        ? h(
            'div',
            { class: 'more' },
            h(
              'button',
              {
                class: 'btn sml',
                type: 'button',
                onclick: () => {
                  this.limit += STEP;
                  this.draw();
                },
              },
              t('timeline.older'),
            ),
          )
        : null;
    const nothing =
      this.wanted === 'all'
        ? statePanel('no_alerts')
        : this.wanted === 'open'
          ? statePanel('all_answered')
          : statePanel('no_mine');
    replace(
      this.content,
      sections.length ? h('section', { class: 'panel', 'aria-label': t('alerts.feed') }, sections, more) : nothing,
    );
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    this.drawHead();
  }

  drawHead() {
    const { book } = this.session,
      waiting = book.awaiting(),
      at = now();
    const here = waiting.filter(alert => this.rows.has(alert.id)).length;
    setText(this.open, `${here.toLocaleString(locale)} · ${t('alerts.soonest')}`);
    const oldest = Math.min(...waiting.map(alert => ms(alert.at)));
    setText(
      this.sub,
      waiting.length ? tn('alerts.unanswered', waiting.length, { span: span(at - oldest) }) : t('leads.none_waiting'),
    );
    const counts = {
      all: book.alerts.size,
      open: waiting.length,
      mine: book.all().filter(alert => alert.answer?.by && alert.answer.by === myName()).length,
    };
    replace(
      this.tabs,
      SHOWS.map(show =>
        h(
          'button',
          {
            type: 'button',
            'data-show-only': show,
            'aria-pressed': String(show === this.wanted),
            onclick: () => this.choose(show),
          },
          t(`alerts.${show}`),
          h('span', { class: 'c' }, counts[show].toLocaleString(locale)),
        ),
      ),
    );
    replace(this.stats, alertStats(this.session.book.all(), at));
  }

  /** @param {string} show */
  choose(show) {
    this.wanted = show;
    const params = new URLSearchParams(location.search);
    if (show === 'all') params.delete('show');
    else params.set('show', show);
    history.replaceState(null, '', params.size ? `?${params}` : location.pathname);
    this.draw();
    /** @type {HTMLElement | null} */ (this.tabs.querySelector('[aria-pressed=true]'))?.focus();
    say(tn('alerts.shown', this.rows.size));
  }

  showNew() {
    if (this.pill.hidden) return;
    this.fresh.clear();
    this.pill.hidden = true;
    this.draw();
    say(t('timeline.up_to_date'));
  }

  /** @param {any} alert @param {boolean} isNew */
  alert(alert, isNew) {
    if (isNew) {
      this.fresh.add(alert.id);
      this.pill.hidden = false;
      setText(this.pillText, tn('alerts.new', this.fresh.size));
    } else this.rows.get(alert.id)?.draw(alert, now());
    this.drawHead();
  }

  /** @param {any} record */
  score(record) {
    for (const row of this.rows.values()) {
      if (row.alert.lead_id !== record.lead_id) continue;
      const tier = row.alert.lead?.tier;
      row.score(record, now());
      if (tier && tier !== record.tier)
        news(t('lead.became', { name: row.entry.name, tier: this.session.grid.tierName(record.tier) }));
    }
    this.drawHead();
  }

  /** @param {any} alert @param {import('./answers.js').Given | undefined} given */
  answerChanged(alert, given) {
    const row = this.rows.get(alert.id);
    row?.draw(alert, now());
    this.session.counted();
    this.drawHead();
    if (given)
      say(
        t(given.status === 'failed' ? 'answer.not_sent' : 'answer.said', {
          answer: t(`answer.${given.answer}`),
          name: row?.entry.name ?? '',
        }),
      );
  }

  /** @param {1 | -1} by */
  step(by) {
    const rows = [...this.rows.values()],
      at = this.current ? rows.indexOf(this.current) : -1;
    const row = rows[Math.max(0, Math.min(rows.length - 1, at + by))];
    row?.link?.focus({ preventScroll: true });
    row?.element.scrollIntoView({ block: 'nearest' });
  }

  tick() {
    const at = now();
    for (const row of this.rows?.values() ?? []) row.tick(at);
  }
}

start(new AlertsPage());
