// The head of a lead's page: who, the big score, how long it stays, what to do.
import { accountHref } from './account_parts.js';
import { answered } from './alert_book.js';
import { answerState, answerWords, choices, phoneLink } from './answer_box.js';
import { flash, h, replace, setText } from './dom.js';
import { ago, clockTime, HOUR, moment, ms, number, sameDay, signed, span, when } from './format.js';
import { tierTag } from './icons.js';
import { initials } from './me.js';
import { t, tx } from './texts.js';
/** @typedef {import('./entry.js').Entry} Entry */

export class LeadHead {
  /** @param {Entry} entry @param {import('./answers.js').Answers} answers */
  constructor(entry, answers) {
    this.entry = entry;
    this.answers = answers;
    ((this.whole = h('span')), (this.rest = h('small')));
    this.value = h('data', {}, this.whole, this.rest);
    this.who = h('div', { class: 'lead-id' });
    this.tier = h('p');
    this.trend = h('p', { class: 'sm mute' });
    this.big = h('p', { class: 'big' }, this.value);
    this.head = h(
      'div',
      { class: 'lead-head' },
      this.who,
      h('div', { class: 'scorebox' }, h('div', { class: 'r' }, this.tier, this.trend), this.big),
    );
    this.answer = h('section', { class: 'answer', 'aria-label': t('lead.what_to_do') });
    this.left = h('time');
    this.waited = h('span');
  }

  /** @param {number} now @param {any} alert the one to answer, or the last one answered */
  draw(now, alert) {
    const { entry } = this,
      { traits = {}, since } = entry.record,
      { grid } = entry;
    this.alert = alert;
    const about = [
      traits.title,
      entry.record.account
        ? h('a', { href: accountHref(entry.record.account) }, String(traits.company ?? entry.record.account))
        : traits.company,
      traits.employees ? t('lead.employees', { n: number(Number(traits.employees), 0) }) : '',
      traits.city,
    ]
      .filter(Boolean)
      .flatMap((part, i) => [i ? ' · ' : '', part instanceof Node ? part : String(part)]);
    replace(
      this.who,
      h(
        'span',
        { class: `av${entry.anonymous ? ' anon' : ''}`, 'aria-hidden': 'true' },
        entry.anonymous ? '?' : initials(entry.name),
      ),
      h('div', { class: 'wrap' }, h('h1', {}, entry.name), h('p', { class: 'mute' }, about.length ? about : entry.id)),
    );
    const from = ms(since);
    replace(
      this.tier,
      tierTag(grid, entry.tier),
      Number.isNaN(from)
        ? null
        : h(
            'span',
            { class: 'sm mute' },
            ` ${t('lead.since', { at: sameDay(from, now) ? clockTime(from) : moment(from) })}`,
          ),
    );
    this.drawAnswer(now);
    this.tick(now);
  }

  /** @param {number} now */
  drawAnswer(now) {
    const { entry, alert, answers } = this,
      { grid, next } = entry,
      focused = this.answer.contains(document.activeElement);
    this.left = h('time', next ? { datetime: new Date(next.at).toISOString() } : {});
    const falls = next && grid.rank(next.tier) < grid.rank(entry.tier);
    const until = next
      ? h(
          'p',
          {},
          h(
            'span',
            { class: 'b' },
            falls
              ? t('lead.until', { tier: grid.tierName(entry.tier), at: moment(next.at) })
              : t('lead.becomes_at', { tier: grid.tierName(next.tier), at: moment(next.at) }),
          ),
          ' ',
          h('span', { class: 'mute' }, tx('lead.still', { span: this.left })),
        )
      : h('p', {}, h('span', { class: 'b' }, t('lead.stays_long', { tier: grid.tierName(entry.tier).toLowerCase() })));
    this.waited = h('span');
    this.seen = h('span');
    const open = alert && !answered(alert),
      state = alert ? answerState(alert, answers, entry.name) : null;
    const said =
      state || !alert
        ? null
        : open
          ? h('span', {}, this.waited, ' · ')
          : h('span', {}, answerWords(alert.answer), ' · ');
    replace(
      this.answer,
      h('div', {}, until, h('p', { class: 'sm mute' }, said, this.seen)),
      h(
        'div',
        { class: 'do' },
        open && !answers.of(alert) ? choices(alert, answers, { name: entry.name, keys: true })[0] : null,
        phoneLink(entry.record.traits?.phone),
        open && !answers.of(alert) ? choices(alert, answers, { name: entry.name, keys: true }).slice(1) : null,
      ),
      state ? h('div', { class: 'given' }, state) : null,
    );
    this.answer.classList.toggle('calm', grid.look(entry.tier) !== 'hot');
    if (focused)
      /** @type {HTMLElement | null} */ (this.answer.querySelector('button'))?.focus({ preventScroll: true });
  }

  /** @param {number} now */
  tick(now) {
    const { entry, alert } = this,
      score = entry.score(now),
      text = number(score, 2),
      cut = text.search(/[.,]/);
    setText(this.whole, text.slice(0, cut));
    setText(this.rest, text.slice(cut));
    this.value.value = score.toFixed(4);
    const moved = entry.moved(now),
      hourly = entry.score(now + HOUR) - score;
    setText(
      this.trend,
      [
        moved === null
          ? ''
          : `${moved >= 0.05 ? '▲ ' : moved <= -0.05 ? '▼ ' : ''}${signed(moved)} ${t('lead.in_24h')}`,
        t('lead.hourly', { points: signed(hourly, 2) }),
      ]
        .filter(Boolean)
        .join(' · '),
    );
    if (entry.next) setText(this.left, span(entry.next.at - now));
    if (alert && !answered(alert))
      setText(this.waited, t('lead.alert_waits', { at: when(ms(alert.at), now), span: span(now - ms(alert.at)) }));
    const last = entry.record.last_event ? ms(entry.record.last_event.time) : NaN;
    if (this.seen)
      setText(
        this.seen,
        Number.isNaN(last) ? '' : t(entry.present(now) ? 'lead.on_site' : 'lead.last_seen', { ago: ago(now - last) }),
      );
  }

  flash() {
    flash(this.big);
  }
}
