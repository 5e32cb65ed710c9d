// The table of leads: groups, rows kept by lead, the row that keys act on.
import { now } from './clock.js';
import { h, replace, setText } from './dom.js';
import { number } from './format.js';
import { glyph } from './icons.js';
import { keep } from './kept.js';
import { LeadRow } from './lead_row.js';
import { locale, t } from './texts.js';
/** @typedef {import('./entry.js').Entry} Entry */
/** @typedef {{key: string, entries: Entry[]}} Group */

const COLUMNS = ['who', 'score', 'trend', 'why', 'last', 'cool', 'own'];
/** The column that an order goes by. */
const SORTED = { score: 'score', cools: 'cool', recent: 'last', name: 'who' };
const HINTS = [
  ['/', 'search'],
  ['J K', 'move'],
  ['⏎', 'open'],
  ['A', 'take'],
  ['R', 'reorder_short'],
  ['P', 'pause'],
  ['?', 'all'],
];

export class LeadsTable {
  /** @param {import('./answers.js').Answers} answers @param {(tier: string) => void} openTier @param {() => void} more */
  constructor(answers, openTier, more) {
    this.answers = answers;
    this.openTier = openTier;
    /** @type {Map<string, LeadRow>} */
    this.rows = new Map();
    this.heads = COLUMNS.map(name =>
      h('th', { scope: 'col', role: 'columnheader', class: `c-${name}` }, t(`column.${name}`)),
    );
    this.caption = h('caption', { class: 'vh' }, t('leads.caption'));
    this.table = h(
      'table',
      { role: 'table', 'aria-describedby': 'lead-note' },
      this.caption,
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, this.heads)),
    );
    this.note = h('span', { class: 'end' });
    this.more = h('button', { class: 'btn sml', type: 'button', hidden: true, onclick: more }, t('leads.more'));
    this.element = h(
      'section',
      { class: 'panel leads', 'aria-label': t('nav.leads') },
      this.table,
      h('div', { class: 'more' }, this.more),
      h(
        'div',
        { class: 'hints', id: 'lead-note' },
        HINTS.map(([keys, name]) =>
          h(
            'span',
            {},
            keys.split(' ').map(key => [h('kbd', {}, key), ' ']),
            t(`keys.${name}`),
          ),
        ),
        this.note,
      ),
    );
    this.element.addEventListener('focusin', event => this.select(event.target.closest?.('tr.l')));
  }

  /** The ids in the order shown. @returns {string[]} */
  ids() {
    return [...this.table.querySelectorAll('tr.l')].map(row => row.dataset.id);
  }

  /** Nobody is shown. */
  clear() {
    this.rows = new Map();
    this.current = undefined;
    replace(this.table, this.caption, this.table.tHead);
  }

  /** How many of those to call still wait, under the rows as they stand. @param {any[]} waiting alerts */
  count(waiting) {
    const open = new Set(waiting.map(alert => alert.lead_id)),
      n = [...this.rows.values()].filter(row => row.group === 'now' && open.has(row.entry.id)).length;
    if (this.calls) setText(this.calls, `${n.toLocaleString(locale)} · ${t('leads.unanswered')}`);
  }

  /** @param {{grid: import('./grid.js').Grid, groups: Group[], counts: Record<string, number>, whole: boolean, book: import('./alert_book.js').AlertBook, next: string | null, sort: import('./order.js').Sort}} given */
  draw({ grid, groups, counts, whole, book, next, sort }) {
    const at = now(),
      held = this.heldBy(document.activeElement),
      waiting = new Map(book.leadsAwaiting().map(alert => [alert.lead_id, alert]));
    const rows = new Map();
    this.calls = null;
    const bodies = groups.map(({ key, entries }) =>
      h(
        'tbody',
        { role: 'rowgroup' },
        this.groupHead(
          grid,
          key,
          entries.length,
          whole ? null : counts[key],
          groups[0].key === 'now' ? groups[0].entries.length : 0,
        ),
        entries.map(entry => {
          const row = this.rows.get(entry.id) ?? new LeadRow(entry, this.answers);
          row.entry = entry;
          row.draw(at, { group: key, alert: waiting.get(entry.id) ?? null });
          rows.set(entry.id, row);
          return row.element;
        }),
      ),
    );
    this.rows = rows;
    replace(this.table, this.caption, this.table.tHead, bodies);
    held?.();
    this.more.hidden = !next;
    for (const [i, name] of COLUMNS.entries())
      if (SORTED[sort] === name) this.heads[i].setAttribute('aria-sort', sort === 'score' ? 'descending' : 'ascending');
      else this.heads[i].removeAttribute('aria-sort');
    const top = grid.top;
    replace(
      this.note,
      t('leads.note', {
        tier: grid.tierName(top.id),
        from: number(top.from ?? 0, 0),
        below: number((top.from ?? 0) - grid.hysteresis, 0),
      }),
    );
    keep('order', JSON.stringify([...rows.keys()]));
  }

  /** What gives the focus back to the lead that has it, once its row has moved. @param {Element | null} focused @returns {(() => void) | null} */
  heldBy(focused) {
    const row = this.rows.get(/** @type {HTMLElement | null} */ (focused?.closest('tr.l') ?? null)?.dataset.id ?? '');
    if (!row) return null;
    const onAnswer = row.own.contains(focused);
    return () => ((onAnswer && row.own.querySelector('button')) || row.link)?.focus({ preventScroll: true });
  }

  /** @param {import('./grid.js').Grid} grid @param {string} key @param {number} shown @param {number | null | undefined} total @param {number} calls */
  groupHead(grid, key, shown, total, calls) {
    if (key === 'all') return null;
    const isNow = key === 'now',
      look = isNow ? 'hot' : grid.look(key);
    const title = isNow
      ? t('leads.group_now')
      : look === 'hot'
        ? t('leads.group_followed', { tiers: grid.tierPlural(key) })
        : grid.tierPlural(key);
    const number = h('span', { class: 'n' });
    if (isNow) this.calls = number;
    const all = isNow ? shown : Math.max(shown, (total ?? 0) - (look === 'hot' ? calls : 0)),
      others = all - shown;
    setText(number, all.toLocaleString(locale) + (isNow ? ` · ${t('leads.unanswered')}` : ''));
    return h(
      'tr',
      { class: `grp${isNow ? ' now' : ''}`, role: 'row' },
      h(
        'th',
        { scope: 'rowgroup', role: 'columnheader', colspan: COLUMNS.length },
        h('span', { class: `tier t-${look}` }, glyph(look), title),
        number,
        others > 0
          ? h(
              'button',
              { class: 'rest xs', type: 'button', onclick: () => this.openTier(key) },
              t('leads.others', { n: others.toLocaleString(locale) }),
            )
          : null,
      ),
    );
  }

  /** @param {HTMLElement | null} element */
  select(element) {
    const row = element ? this.rows.get(element.dataset.id ?? '') : undefined;
    if (row === this.current) return;
    this.current?.element.classList.remove('cur');
    this.current = row;
    row?.element.classList.add('cur');
  }

  /** Moves to the next or the previous lead. @param {1 | -1} by */
  step(by) {
    const ids = this.ids(),
      at = this.current ? ids.indexOf(this.current.entry.id) : -1;
    const row = this.rows.get(ids[Math.max(0, Math.min(ids.length - 1, at + by))] ?? '');
    row?.link.focus({ preventScroll: true });
    row?.element.scrollIntoView({ block: 'nearest' });
  }
}
