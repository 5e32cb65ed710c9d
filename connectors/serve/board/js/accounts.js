// Accounts: which companies heat up, and who there?
import { getAccounts } from './api.js';
import { news, say } from './announce.js';
import { accountHref, leadList, tierCounts } from './account_parts.js';
import { now } from './clock.js';
import { flash, h, replace, setText } from './dom.js';
import { ms, number, when } from './format.js';
import { glyph, icon, tierTag } from './icons.js';
import { bindKeys } from './keys.js';
import { start } from './session.js';
import { statePanel } from './states.js';
import { t, tn } from './texts.js';

/** Seconds until scores, which fade, are fetched again. */
const REFRESH = 30;
const COLUMNS = ['who', 'score', 'tier', 'leads', 'hottest'];

class AccountsPage {
  name = 'accounts';
  wanted = { tier: '', q: '' };

  head() {
    return {
      title: t('nav.accounts'),
      phone: h('span', { class: 'b phone-title', 'aria-hidden': 'true' }, t('nav.accounts')),
    };
  }

  /** @param {import('./session.js').Session} session */
  async load(session) {
    this.session = session;
    this.grid = session.grid.ofAccounts;
    if (!this.content) this.frame();
    await this.fetch();
  }

  frame() {
    const given = new URLSearchParams(location.search);
    for (const key of Object.keys(this.wanted)) this.wanted[key] = given.get(key) ?? '';
    if (this.grid.rank(this.wanted.tier) < 0) this.wanted.tier = '';
    /** @type {Map<string, HTMLElement>} */
    this.rows = new Map();
    this.fresh = new Set();
    this.seconds = 0;
    this.search = h('input', {
      type: 'search',
      'data-search': true,
      placeholder: t('accounts.search_hint'),
      value: this.wanted.q,
      oninput: event => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.ask({ q: event.target.value.trim() }), 250);
      },
    });
    this.tiers = h(
      'div',
      { class: 'seg', role: 'group', 'aria-label': t('filter.tier') },
      ['', ...[...this.grid.tiers].reverse().map(({ id }) => id)].map(id =>
        h(
          'button',
          { type: 'button', 'data-tier': id || 'all', onclick: () => this.ask({ tier: id }) },
          id ? glyph(this.grid.look(id)) : null,
          id ? this.grid.tierName(id) : t('filter.all'),
        ),
      ),
    );
    this.pillText = h('span');
    this.pill = h(
      'span',
      { class: 'pill', hidden: true },
      this.pillText,
      h('button', { type: 'button', 'data-show': true, onclick: () => this.show() }, t('alerts.show')),
    );
    this.content = h('div');
    replace(
      this.session.body,
      h(
        'div',
        { class: 'page-head' },
        h('h1', {}, t('nav.accounts')),
        h('p', { class: 'sub sm' }, t('accounts.sub')),
        h('div', { class: 'end' }, this.pill),
      ),
      h(
        'div',
        { class: 'bar', role: 'search', 'aria-label': t('accounts.filter') },
        this.tiers,
        h(
          'label',
          { class: 'field search' },
          icon('search', 14),
          h('span', { class: 'vh' }, t('accounts.search')),
          this.search,
          h('kbd', { 'aria-hidden': 'true' }, '/'),
        ),
      ),
      this.content,
    );
    bindKeys({ '/': () => this.search.focus(), r: () => this.show() });
  }

  /** @param {Partial<{tier: string, q: string}>} change */
  async ask(change) {
    Object.assign(this.wanted, change);
    const params = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(this.wanted))
      if (value) params.set(key, value);
      else params.delete(key);
    history.replaceState(null, '', params.size ? `?${params}` : location.pathname);
    await this.fetch().catch(error => this.session.failed(error));
    say(tn('accounts.shown', this.rows.size));
  }

  async fetch() {
    const turn = (this.turn = (this.turn ?? 0) + 1),
      { accounts, next } = await getAccounts(this.wanted);
    if (turn !== this.turn) return;
    this.next = next;
    this.fresh.clear();
    this.pill.hidden = true;
    for (const button of this.tiers.children)
      button.setAttribute('aria-pressed', String((this.wanted.tier || 'all') === button.dataset.tier));
    this.draw(accounts);
  }

  /** @param {any[]} accounts */
  draw(accounts) {
    this.rows.clear();
    if (!accounts.length) {
      const narrow = this.wanted.tier || this.wanted.q;
      replace(this.content, statePanel(narrow ? 'no_account_match' : 'no_accounts', { clear: () => this.clear() }));
      return;
    }
    this.body = h('tbody', { role: 'rowgroup' });
    this.more = h(
      'button',
      { class: 'btn', type: 'button', hidden: true, onclick: () => this.older() },
      t('accounts.more'),
    );
    this.add(accounts);
    replace(
      this.content,
      h(
        'section',
        { class: 'panel accounts', 'aria-label': t('nav.accounts') },
        h(
          'table',
          { role: 'table' },
          h('caption', { class: 'vh' }, t('accounts.caption')),
          h(
            'thead',
            { role: 'rowgroup' },
            h(
              'tr',
              { role: 'row' },
              COLUMNS.map(name =>
                h('th', { scope: 'col', role: 'columnheader', class: `a-${name}` }, t(`accounts.${name}`)),
              ),
            ),
          ),
          this.body,
        ),
        h('div', { class: 'more' }, this.more),
      ),
    );
  }

  /** @param {any[]} accounts */
  add(accounts) {
    for (const account of accounts) {
      const row = h('tr', { role: 'row', 'data-account': account.account });
      this.rows.set(account.account, row);
      this.fill(row, account);
      this.body.append(row);
    }
    this.more.hidden = !this.next;
  }

  /** @param {HTMLElement} row @param {any} account */
  fill(row, account) {
    const cell = (name, ...children) => h('td', { role: 'cell', class: `a-${name}` }, ...children),
      since = ms(account.since),
      focused = row.contains(document.activeElement)
        ? [...row.querySelectorAll('a')].indexOf(/** @type {any} */ (document.activeElement))
        : -1;
    replace(
      row,
      h(
        'th',
        { scope: 'row', role: 'rowheader', class: 'a-who' },
        h('a', { class: 'who b', href: accountHref(account.account) }, account.company ?? account.account),
        account.company ? h('span', { class: 'sm mute block ell' }, account.account) : null,
      ),
      cell('score', h('data', { class: 'score', value: account.score.toFixed(4) }, number(account.score))),
      cell(
        'tier',
        tierTag(this.grid, account.tier),
        Number.isNaN(since)
          ? null
          : h('span', { class: 'xs dim block' }, t('lead.since', { at: when(since, now()) })),
      ),
      cell('leads', tierCounts(account.tiers, this.session.grid)),
      cell('hottest', leadList(account.leads.slice(0, 3), this.session.grid)),
    );
    if (focused >= 0) row.querySelectorAll('a')[focused]?.focus({ preventScroll: true });
  }

  async older() {
    const page = await getAccounts({ ...this.wanted, after: this.next ?? undefined });
    this.next = page.next;
    this.add(page.accounts.filter(account => !this.rows.has(account.account)));
  }

  clear() {
    this.search.value = '';
    this.ask({ tier: '', q: '' });
    this.search.focus(); // the button that asked for it goes
  }

  async show() {
    if (!this.pill.hidden) await this.fetch().catch(error => this.session.failed(error));
  }

  /** What came since is shown where it stands; what has no place yet is but counted. @param {any} record */
  account(record) {
    const row = this.rows.get(record.account);
    if (row && record.count) {
      const before = row.querySelector('.a-tier .tier')?.textContent;
      this.fill(row, record);
      flash(/** @type {HTMLElement} */ (row.querySelector('.a-score')));
      if (before !== row.querySelector('.a-tier .tier')?.textContent)
        news(
          t('lead.became', {
            name: record.company ?? record.account,
            tier: this.grid.tierName(record.tier),
          }),
        );
      return;
    }
    if (!row && (this.wanted.tier || this.wanted.q || !record.count)) return;
    this.fresh.add(record.account);
    setText(this.pillText, tn('accounts.new', this.fresh.size));
    this.pill.hidden = false;
  }

  tick() {
    if (!this.rows || ++this.seconds % REFRESH) return;
    if (this.rows.size) this.refresh().catch(() => null); // the line is lost: what is shown stays
    else if (this.fresh.size) this.show();
  }

  /** Scores fade: those that are shown are shown anew, where they stand. */
  async refresh() {
    const { accounts } = await getAccounts({ ...this.wanted, limit: Math.min(500, Math.max(50, this.rows.size)) });
    for (const account of accounts) {
      const row = this.rows.get(account.account);
      if (row) this.fill(row, account);
    }
  }
}

start(new AccountsPage());
