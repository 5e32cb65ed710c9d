// One alert: what changed, why, how the lead stands now, whether it was delivered, the answer.
import { answered, asks, tierNow } from './alert_book.js';
import { answerState, answerWords, choices, phoneLink } from './answer_box.js';
import { became } from './deliveries.js';
import { flash, h, replace, setText } from './dom.js';
import { Entry } from './entry.js';
import { ago, clockTime, dateOf, DAY, HOUR, ms, number, points, sameDay, span, weekday } from './format.js';
import { accountHref, leadHref, leadList } from './account_parts.js';
import { icon, tierTag } from './icons.js';
import { t, tn } from './texts.js';

const REASONS = 3;
/** A weekday names a day only so far back. */
const WEEK = 6 * DAY;

/** What may still be delivered, or was taken back before it was. */
const UNDECIDED = new Set(['waiting', 'held', 'retrying', 'withdrawn']);

export class AlertRow {
  /** @param {any} alert @param {import('./grid.js').Grid} grid @param {import('./answers.js').Answers} answers @param {import('./alert_book.js').AlertBook} book */
  constructor(alert, grid, answers, book) {
    this.leadGrid = grid;
    this.book = book;
    this.answers = answers;
    this.element = h('li', { class: 'alert', 'data-alert': alert.id });
  }

  /** @returns {HTMLElement | null} */
  get link() {
    return this.element.querySelector('a.who');
  }

  /** @param {any} alert @param {number} now */
  draw(alert, now) {
    this.alert = alert;
    this.grid = alert.account ? this.leadGrid.ofAccounts : this.leadGrid;
    const lead = { lead_id: alert.lead_id, traits: alert.traits, tier: alert.to, ...alert.lead };
    this.entry = new Entry(lead, this.leadGrid, now);
    this.fades = Boolean(lead.contributions);
    const held = this.element.contains(document.activeElement) ? document.activeElement : null,
      wasLink = held === this.link;
    const open = asks(alert) && !answered(alert) && this.book.newest(alert),
      at = ms(alert.at);
    this.element.classList.toggle('todo', open && tierNow(alert) === alert.to);
    this.age = h('p', { class: 'xs dim' });
    this.sides = h('div', { class: 'sm a-s' });
    replace(
      this.element,
      h(
        'div',
        { class: 'a-t' },
        h(
          'time',
          { class: 'b', datetime: alert.at },
          sameDay(at, now) ? clockTime(at) : [now - at < WEEK ? weekday(at) : dateOf(at, now), ' ', clockTime(at)],
        ),
        this.age,
      ),
      this.what(),
      this.sides,
      this.answerPlace(open),
    );
    this.drawSide(now);
    this.tick(now);
    if (held)
      (wasLink
        ? this.link
        : (/** @type {HTMLElement | null} */ (this.element.querySelector('.do button, .do a')) ?? this.link)
      )?.focus({ preventScroll: true });
  }

  /** What changed, whose, and why. */
  what() {
    const { alert, grid, entry } = this,
      { title, company } = entry.record.traits ?? {};
    const reasons = (alert.reasons ?? []).slice(0, REASONS),
      rest = (alert.reasons ?? []).length - reasons.length;
    const risen = grid.rank(alert.to) >= grid.rank(alert.from);
    return h(
      'article',
      { class: 'a-a', 'aria-label': alert.account ? (alert.company ?? alert.account) : entry.name },
      h(
        'p',
        { class: 'trans' },
        alert.from === alert.to
          ? tierTag(grid, alert.to)
          : [
              tierTag(grid, alert.from),
              h('span', { class: 'dim', 'aria-hidden': 'true' }, '→'),
              h('span', { class: 'vh' }, t('alerts.becomes')),
              tierTag(grid, alert.to),
            ],
        h('span', { class: 'chip' }, grid.playName(alert.play)),
        alert.withdrawn && h('span', { class: 'chip' }, t('alerts.withdrawn')),
      ),
      h(
        'p',
        { class: 'lead-name' },
        alert.account
          ? h('a', { class: 'who b', href: accountHref(alert.account) }, alert.company ?? alert.account)
          : h('a', { class: 'who b', href: leadHref(alert.lead_id) }, entry.name),
        ' ',
        h('span', { class: 'mute' }, alert.account ? t('accounts.one') : [title, company].filter(Boolean).map(String).join(' · ')),
      ),
      alert.account ? leadList(alert.leads ?? [], this.leadGrid) : null,
      alert.account
        ? null
        : reasons.length && (risen || reasons.some(reason => reason.points < 0))
        ? h(
            'ul',
            { class: 'why sm', role: 'list' },
            reasons.map(reason =>
              h(
                'li',
                {},
                grid.label(reason.criterion, reason.label),
                ' ',
                h('span', { class: 'pts' }, points(reason.points)),
              ),
            ),
            rest > 0 ? h('li', { class: 'dim' }, tn('lead.more_reasons', rest)) : null,
          )
        : h('p', { class: 'sm mute' }, risen ? '' : t('timeline.fading_alone')),
    );
  }

  /** @param {boolean} open */
  answerPlace(open) {
    const { alert, answers, entry } = this,
      state = answerState(alert, answers, entry.name);
    if (state) return h('div', { class: 'do given' }, state);
    if (!open) return null;
    const [take, ...others] = choices(alert, answers, { name: entry.name, size: 'sml' });
    return h('div', { class: 'do' }, take, phoneLink(entry.record.traits?.phone, 'sml'), others);
  }

  /** @param {number} now */
  drawSide(now) {
    const { alert, entry, grid } = this,
      present = Boolean(alert.lead) && !alert.account;
    this.present = h('span', { class: 'b' });
    this.left = h('time', { class: 'm ink' });
    const falls = entry.next && grid.rank(entry.next.tier) < grid.rank(entry.tier);
    const word = alert.account
      ? tierNow(alert) !== alert.to && t('alerts.since_then', { tier: grid.tierName(tierNow(alert)).toLowerCase() })
      : !present
      ? null
      : entry.tier !== alert.to
        ? t('alerts.since_then', { tier: grid.tierName(entry.tier).toLowerCase() })
        : falls
          ? [t('alerts.below', { tier: grid.tierName(entry.tier).toLowerCase() }), ' ', this.left]
          : t('lead.stays', { tier: grid.tierName(entry.tier).toLowerCase() });
    replace(
      this.sides,
      h(
        'p',
        {},
        h('span', { class: 'score' }, number(alert.score)),
        ' ',
        h('span', { class: 'mute' }, t('alerts.then')),
        present
          ? [
              h('span', { class: 'dim', 'aria-hidden': 'true' }, ' → '),
              h('span', { class: 'vh' }, ', '),
              this.present,
              ' ',
              h('span', { class: 'mute' }, t('alerts.now')),
            ]
          : null,
      ),
      word ? h('p', { class: 'mute' }, word) : null,
      h('p', { class: 'mute deliveries' }, this.deliveries()),
      this.said(),
    );
  }

  deliveries() {
    const list = this.alert.deliveries ?? [],
      good = list.filter(d => d.result === 'delivered' || d.result === 'ok'),
      again = list.filter(d => d.result === 'retrying'),
      bad = list.filter(d => !good.includes(d) && !UNDECIDED.has(d.result));
    return [
      bad.map(d => h('span', { class: 'bad' }, icon('warn', 12), became(d))),
      again.map(d => h('span', {}, became(d))),
      good.length
        ? h(
            'span',
            { class: 'ok' },
            icon('check', 12),
            t('alerts.delivered', { channels: good.map(d => d.channel).join(', ') }),
          )
        : null,
    ];
  }

  said() {
    const { alert, answers } = this;
    if (answers.of(alert)) return null;
    if (answered(alert)) return h('p', { class: 'said' }, answerWords(alert.answer));
    if (!asks(alert)) return h('p', { class: 'mute' }, t('alerts.nothing_to_answer'));
    return alert.lead && (tierNow(alert) !== alert.to || !this.book.newest(alert))
      ? h('p', { class: 'mute' }, t('alerts.missed'))
      : null;
  }

  /** The lead's newer record. @param {any} record @param {number} now */
  score(record, now) {
    this.alert.lead = { ...this.alert.lead, next_tier: undefined, ...record };
    const tier = this.entry.tier;
    this.entry = new Entry({ traits: this.alert.traits, ...this.alert.lead }, this.leadGrid, now);
    this.fades = Boolean(this.alert.lead.contributions);
    if (tier !== this.entry.tier) this.draw(this.alert, now);
    else this.drawSide(now);
    this.tick(now);
    flash(this.sides);
  }

  /** @param {number} now */
  tick(now) {
    const { alert, entry } = this,
      age = now - ms(alert.at);
    setText(this.age, age < 48 * HOUR || (asks(alert) && !answered(alert)) ? ago(age) : '');
    if (alert.lead) setText(this.present, number(this.fades ? entry.score(now) : alert.lead.score));
    if (entry.next) setText(this.left, span(entry.next.at - now));
  }
}
