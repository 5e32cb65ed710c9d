// Account: how hot is the company, who of it, and what was said?
import { getAccount, getAccountPlays } from './api.js';
import { leadHref, tierCounts } from './account_parts.js';
import { answered, asks } from './alert_book.js';
import { answerWords } from './answer_box.js';
import { now } from './clock.js';
import { flash, h, replace, setText } from './dom.js';
import { Entry } from './entry.js';
import { ago, ms, number, when } from './format.js';
import { tierTag } from './icons.js';
import { playsPanels } from './lead_plays.js';
import { start } from './session.js';
import { t } from './texts.js';
import { eventWords } from './words.js';

/** Seconds until the score, which fades, is fetched again. */
const REFRESH = 30;
const COLUMNS = ['who', 'score', 'tier', 'last'];

class AccountPage {
  name = 'accounts';
  asked = decodeURIComponent(location.pathname.split('/')[2] ?? '');

  head() {
    return { title: t('accounts.one'), phone: h('a', { href: '/accounts' }, `← ${t('nav.accounts')}`) };
  }

  /** @param {import('./session.js').Session} session */
  async load(session) {
    this.session = session;
    await this.fetch();
  }

  async fetch() {
    [this.record, this.told] = await Promise.all([getAccount(this.asked), getAccountPlays(this.asked)]);
    this.draw();
  }

  draw() {
    const { record, session } = this,
      at = now(),
      grid = session.grid.ofAccounts,
      name = record.company ?? record.account,
      since = ms(record.since);
    document.title = `${name} · LeadHeat`;
    this.entries = record.leads.map(lead => new Entry(lead, session.grid, at));
    this.score = h('data', { value: record.score.toFixed(4) }, number(record.score));
    this.big = h('p', { class: 'big' }, this.score);
    this.values = new Map();
    const focused = session.body.contains(document.activeElement)
      ? /** @type {HTMLAnchorElement} */ (document.activeElement).getAttribute('href')
      : null;
    replace(
      session.body,
      h(
        'div',
        { class: 'page-head desk crumbs' },
        h(
          'nav',
          { class: 'sm mute', 'aria-label': t('lead.path') },
          h('a', { href: '/accounts' }, t('nav.accounts')),
          ' / ',
          name,
        ),
      ),
      h(
        'div',
        { class: 'lead-head' },
        h(
          'div',
          { class: 'lead-id' },
          h('div', { class: 'wrap' }, h('h1', {}, name), h('p', { class: 'mute' }, record.account)),
        ),
        h(
          'div',
          { class: 'scorebox' },
          h(
            'div',
            { class: 'r' },
            h(
              'p',
              {},
              tierTag(grid, record.tier),
              Number.isNaN(since)
                ? null
                : h('span', { class: 'sm mute' }, ` ${t('lead.since', { at: when(since, at) })}`),
            ),
            h('p', { class: 'sm mute' }, tierCounts(record.tiers, session.grid)),
          ),
          this.big,
        ),
      ),
      h(
        'div',
        { class: 'grid2' },
        this.leads(at),
        h('div', { class: 'stack' }, this.alerts(at), ...playsPanels(this.told, session.grid)),
      ),
    );
    if (focused)
      /** @type {HTMLElement | null} */ (session.body.querySelector(`a[href="${CSS.escape(focused)}"]`))?.focus({
        preventScroll: true,
      });
  }

  /** @param {number} at */
  leads(at) {
    return h(
      'section',
      { class: 'panel accounts', 'aria-labelledby': 'account-leads' },
      h('header', {}, h('h2', { id: 'account-leads' }, t('accounts.its_leads'))),
      h(
        'table',
        { role: 'table' },
        h(
          'thead',
          { role: 'rowgroup' },
          h(
            'tr',
            { role: 'row' },
            COLUMNS.map(name => h('th', { scope: 'col', role: 'columnheader', class: `a-${name}` }, t(`column.${name}`))),
          ),
        ),
        h(
          'tbody',
          { role: 'rowgroup' },
          this.entries.map(entry => this.lead(entry, at)),
        ),
      ),
    );
  }

  /** @param {Entry} entry @param {number} at */
  lead(entry, at) {
    const cell = (name, ...children) => h('td', { role: 'cell', class: `a-${name}` }, ...children),
      last = entry.record.last_event,
      value = h('data', { class: 'score', value: entry.score(at).toFixed(4) }, number(entry.score(at)));
    this.values.set(entry, value);
    return h(
      'tr',
      { role: 'row', 'data-id': entry.id },
      h(
        'th',
        { scope: 'row', role: 'rowheader', class: 'a-who' },
        h('a', { class: 'who b', href: leadHref(entry.id) }, entry.name),
        h('span', { class: 'sm mute block ell' }, entry.record.traits?.title ?? entry.id),
      ),
      cell('score', value),
      cell('tier', tierTag(entry.grid, entry.tier)),
      cell(
        'last',
        last
          ? [
              h('span', { class: 'sm ell block' }, eventWords(last)),
              h('span', { class: 'xs dim' }, ago(at - ms(last.time))),
            ]
          : h('span', { class: 'dim' }, '—'),
      ),
    );
  }

  /** @param {number} at */
  alerts(at) {
    const { record, session } = this,
      mine = new Set(record.leads.map(lead => lead.lead_id)),
      alerts = session.book.all().filter(alert => alert.account === record.account || mine.has(alert.lead_id));
    return h(
      'section',
      { class: 'panel', 'aria-labelledby': 'account-alerts' },
      h('header', {}, h('h2', { id: 'account-alerts' }, t('lead.alerts'))),
      h(
        'div',
        { class: 'body' },
        alerts.length
          ? h(
              'ul',
              { class: 'stack', role: 'list' },
              alerts.map(alert =>
                h(
                  'li',
                  {},
                  h(
                    'p',
                    { class: 'sm' },
                    h('span', { class: 'b' }, session.grid.playName(alert.play)),
                    ` · ${when(ms(alert.at), at)} · `,
                    alert.account
                      ? t('accounts.one')
                      : (this.entries.find(entry => entry.id === alert.lead_id)?.name ?? alert.lead_id),
                  ),
                  h(
                    'p',
                    { class: 'sm mute' },
                    answered(alert)
                      ? answerWords(alert.answer)
                      : asks(alert)
                        ? t('leads.unanswered_short')
                        : t('alerts.nothing_to_answer'),
                  ),
                ),
              ),
            )
          : h('p', { class: 'sm mute' }, t('lead.no_alerts')),
      ),
    );
  }

  async refresh() {
    this.seconds = 0;
    await this.fetch();
  }

  /** @param {any} record */
  account(record) {
    if (!this.record || record.account !== this.record.account || !record.count) return;
    this.refresh()
      .then(() => flash(this.big))
      .catch(() => null); // the line is lost: what is shown stays
  }

  alert() {
    if (this.record) this.draw();
  }

  tick() {
    if (!this.values) return;
    const at = now();
    for (const [entry, value] of this.values) {
      setText(value, number(entry.score(at)));
      value.value = entry.score(at).toFixed(4);
    }
    this.seconds = (this.seconds ?? 0) + 1;
    if (this.seconds >= REFRESH) this.refresh().catch(() => null);
  }
}

start(new AccountPage());
