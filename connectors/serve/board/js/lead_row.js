// One row of the list: built once, then only what differs is touched.
import { h, flash, replace, setText } from './dom.js';
import { answerCell, answerLines, answerWords } from './answer_box.js';
import { ago, clockTime, dateOf, dayOf, DAY, ms, number, sameDay, signed, span, weekday } from './format.js';
import { glyph, tierTag } from './icons.js';
import { initials } from './me.js';
import { spark } from './spark.js';
import { t, tn } from './texts.js';
import { channelName, eventWords, reasons } from './words.js';
/** @typedef {import('./entry.js').Entry} Entry */

export class LeadRow {
  /** @param {Entry} entry @param {import('./answers.js').Answers} answers */
  constructor(entry, answers) {
    this.entry = entry;
    this.answers = answers;
    this.alert = null;
    this.who = h('th', { scope: 'row', role: 'rowheader', class: 'c-who' });
    ((this.whole = h('span')), (this.rest = h('small')));
    this.value = h('data', { class: 'score' }, this.whole, this.rest);
    this.trend = h('span', { class: 'xs mute nw block' });
    const cell = (name, ...children) => h('td', { role: 'cell', class: name }, ...children);
    this.score = cell('c-score', this.value, this.trend);
    this.spark = cell('c-trend');
    this.why = cell('c-why');
    this.age = h('time');
    this.last = cell('c-last');
    this.cool = cell('c-cool');
    this.left = h('time');
    this.own = cell('c-own');
    this.element = h(
      'tr',
      { class: 'l', role: 'row', 'data-id': entry.id },
      this.who,
      this.score,
      this.spark,
      this.why,
      this.last,
      this.cool,
      this.own,
    );
  }

  get link() {
    return /** @type {HTMLElement} */ (this.who.querySelector('a.who'));
  }

  /** Everything, after a fact or a change of place. @param {number} now @param {{group: string, alert: any}} place */
  draw(now, { group, alert }) {
    this.group = group;
    this.alert = alert;
    this.element.classList.toggle('g-now', group === 'now');
    this.element.dataset.tier = this.entry.tier;
    this.drawWho(now);
    this.drawWhy(now);
    this.drawLast(now);
    this.drawCool(now);
    this.drawOwn();
    replace(this.spark, spark(this.entry, now));
    this.tick(now);
  }

  /** @param {number} now */
  drawWho(now) {
    const { entry } = this,
      { anonymous, name } = entry;
    const focused = document.activeElement === this.link;
    this.present = entry.present(now);
    replace(
      this.who,
      h(
        'span',
        { class: 'idc' },
        h('span', { class: `av${anonymous ? ' anon' : ''}`, 'aria-hidden': 'true' }, anonymous ? '?' : initials(name)),
        h(
          'span',
          { class: 'wrap' },
          h(
            'span',
            { class: 'nm' },
            h('a', { class: 'who ell', href: `/leads/${encodeURIComponent(entry.id)}`, title: name }, name),
            this.present ? [' ', h('span', { class: 'chip ch' }, t('lead.present'))] : null,
          ),
          h('span', { class: 'sm mute ell', title: entry.about }, entry.about || entry.id),
        ),
      ),
    );
    if (focused) this.link.focus({ preventScroll: true });
  }

  /** @param {number} now */
  drawWhy(now) {
    const { entry } = this,
      [first, ...rest] = reasons(entry.at(now), entry.grid),
      gate = entry.gate(now);
    const more = gate
      ? t('lead.gate', {
          tier: entry.grid.tierName(gate.tier),
          score: scoreName(gate.score),
          least: number(gate.least, 0),
        })
      : rest.length
        ? tn('lead.more_reasons', rest.length)
        : '';
    replace(
      this.why,
      first
        ? [
            h(
              'span',
              { class: 'whyg' },
              h('span', { class: 'pts' }, signed(first[1], 0)),
              h('span', { class: 'ell', title: entry.grid.label(first[0]) }, entry.grid.label(first[0])),
            ),
            h('span', { class: 'xs dim whyn ell' }, more),
          ]
        : h('span', { class: 'sm dim' }, t('lead.no_reason')),
    );
  }

  /** @param {number} now */
  drawLast(now) {
    const { last_event: last, channel } = this.entry.record;
    if (!last) return replace(this.last, h('span', { class: 'dim' }, '—'));
    this.age = h('time', { datetime: last.time });
    return replace(
      this.last,
      h('span', { class: 'sm ell', title: eventWords(last) }, eventWords(last)),
      h('span', { class: 'xs dim ell' }, this.age, channel ? ` · ${channelName(channel)}` : ''),
    );
  }

  /** @param {number} now */
  drawCool(now) {
    const { entry } = this,
      { next, grid, tier } = entry;
    const look = grid.look(tier),
      falls = next && grid.rank(next.tier) < grid.rank(tier);
    this.cool.dataset.l =
      !next || look === 'cold'
        ? ''
        : falls
          ? t('lead.tier_for', { tier: grid.tierName(tier) })
          : t('lead.tier_soon', { tier: grid.tierName(next.tier) });
    if (!next)
      return replace(
        this.cool,
        h(
          'span',
          { class: 'sm dim' },
          look === 'cold' ? '—' : t('lead.stays', { tier: grid.tierName(tier).toLowerCase() }),
        ),
      );
    this.left = h('time', { class: look === 'hot' ? 'm nw' : 'nw mute', datetime: new Date(next.at).toISOString() });
    const day =
      next.at - now < 2 * DAY
        ? sameDay(next.at, now)
          ? t('time.at', { at: clockTime(next.at) })
          : `${weekday(next.at)} ${clockTime(next.at)}`
        : look === 'hot'
          ? dayOf(next.at)
          : t('lead.tier_on', { tier: grid.tierName(next.tier).toLowerCase(), day: dateOf(next.at, now) });
    return replace(this.cool, this.left, h('span', { class: 'xs dim ell' }, day));
  }

  drawOwn() {
    const { alert, answers, entry } = this,
      state = alert ? answerCell(alert, answers, entry.name) : null;
    const { answer, owner } = entry.record,
      given = alert?.answer ?? answer;
    const open = alert && !alert.answer;
    this.own.dataset.l = open || state ? '' : t('lead.owner');
    if (state) return replace(this.own, state);
    if (open) {
      return replace(
        this.own,
        h(
          'button',
          {
            class: 'btn sml pri',
            type: 'button',
            'data-answer': 'accepted',
            'aria-label': `${t('answer.accepted')}, ${entry.name}`,
            onclick: () => answers.give(alert, 'accepted'),
          },
          t('answer.accepted'),
        ),
      );
    }
    if (given && given.answer !== 'withdrawn')
      return replace(this.own, h('span', { class: 'own', title: answerWords(given) }, answerLines(given, owner)));
    return replace(
      this.own,
      owner
        ? h('span', { class: 'sm ell', title: owner }, owner)
        : h('span', { class: 'sm dim' }, t('lead.nobody')),
    );
  }

  /** The printed numbers of this second. @param {number} now */
  tick(now) {
    const { entry } = this,
      score = entry.score(now),
      text = number(score);
    const cut = text.search(/[.,]/);
    setText(this.whole, text.slice(0, cut));
    setText(this.rest, text.slice(cut));
    this.value.value = score.toFixed(4);
    this.drawTrend(now);
    if (entry.next) setText(this.left, span(entry.next.at - now));
    if (entry.record.last_event) setText(this.age, ago(now - ms(entry.record.last_event.time)));
    if (this.present !== entry.present(now)) this.drawWho(now);
  }

  /** @param {number} now */
  drawTrend(now) {
    const { entry } = this,
      gate = entry.gate(now),
      place = this.group === 'now' ? entry.grid.top.id : this.group,
      strayed = place !== 'all' && place !== entry.tier;
    const moved = entry.moved(now);
    const kind = strayed || gate ? `${strayed ? '' : 'stays '}${entry.tier}` : 'moved';
    if (kind !== this.trendKind && kind !== 'moved') {
      replace(
        this.trend,
        strayed
          ? tierTag(entry.grid, entry.tier)
          : h(
              'span',
              { class: `tier xs t-${entry.grid.look(entry.tier)}` },
              glyph(entry.grid.look(entry.tier)),
              t('lead.stays', { tier: entry.grid.tierName(entry.tier).toLowerCase() }),
            ),
      );
    }
    this.trendKind = kind;
    if (kind === 'moved')
      setText(
        this.trend,
        moved === null
          ? ''
          : `${moved >= 0.05 ? '▲ ' : moved <= -0.05 ? '▼ ' : ''}${signed(moved)} ${t('lead.in_24h')}`,
      );
  }

  /** A fact arrived. */
  flash() {
    flash(this.score);
  }
}

/** @param {string} name */
export const scoreName = name => (name === 'fit' || name === 'engagement' ? t(`score.${name}`) : name);
