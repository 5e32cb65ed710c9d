// What happened to a lead: visits, single facts, tier changes, answers, identities.
import { h, replace } from './dom.js';
import { answerWords } from './answer_box.js';
import { clockTime, ms, number, points, span, when } from './format.js';
import { tierTag } from './icons.js';
import { t, tn } from './texts.js';
import { gather } from './visits.js';
import { channelName, eventWords } from './words.js';
/** @typedef {import('./entry.js').Entry} Entry */

/** What an event brought when it happened. @param {any} event */
const worth = event => (event.points ?? []).reduce((sum, p) => sum + p.then, 0);
/** @param {number} sum */
const shown = sum => (Math.abs(sum) < 0.05 ? '' : points(sum));

export class TimelinePanel {
  /** @param {Entry} entry @param {() => void} older */
  constructor(entry, older) {
    this.entry = entry;
    this.count = h('p', { class: 'sm mute' });
    this.list = h('ol', { role: 'list' });
    this.pill = h('div', { class: 'end' });
    this.more = h('button', { class: 'btn sml', type: 'button', hidden: true, onclick: older }, t('timeline.older'));
    this.element = h(
      'section',
      { class: 'panel', 'aria-labelledby': 'timeline-title' },
      h('header', {}, h('h2', { id: 'timeline-title' }, t('timeline.title')), this.count, this.pill),
      this.list,
      h('div', { class: 'more' }, this.more),
    );
    /** Visits the reader opened or closed, by their first event. */
    this.open = new Map();
  }

  /** @param {any[]} events @param {any[]} changes @param {boolean} more @param {number} now */
  draw(events, changes, more, now) {
    const items = gather(events, changes),
      visits = items.filter(item => item.kind === 'visit').length;
    replace(
      this.count,
      tn('timeline.facts', events.length),
      ', ',
      tn('timeline.visits', visits),
      ', ',
      t('timeline.order'),
    );
    replace(
      this.list,
      items.map((item, index) => this.item(item, now, index === items.findIndex(other => other.kind === 'visit'))),
    );
    this.more.hidden = !more;
  }

  /** @param {import('./visits.js').Item} item @param {number} now @param {boolean} first */
  item(item, now, first) {
    if (item.kind === 'change') return this.change(item.change, now);
    const [event] = item.events;
    if (item.kind === 'visit') return this.visit(item, now, first);
    if (item.kind === 'answer')
      return this.mark(
        item.at,
        now,
        answerWords({ answer: event.properties?.outcome, by: event.properties?.by, note: event.properties?.note }),
      );
    if (item.kind === 'identity') return this.mark(item.at, now, this.identity(event));
    return h(
      'li',
      { class: 'visit' },
      h(
        'div',
        { class: 'vh-row' },
        h('time', { class: 'sm', datetime: event.time }, when(item.at, now)),
        h('span', { class: 'what' }, eventWords(event), this.because(event)),
        h('span', { class: 'num b' }, shown(worth(event))),
      ),
    );
  }

  /** @param {any} item @param {number} now @param {boolean} first */
  visit(item, now, first) {
    const { events } = item,
      key = events[events.length - 1].id,
      pages = events.filter(event => event.type === 'page_view').length;
    const channel = events.map(event => event.context?.channel ?? event.context?.utm_source).find(Boolean);
    const meta = [
      pages ? tn('timeline.pages', pages) : '',
      events.every(event => !event.lead_id) ? t('timeline.anonymous') : '',
      channel ? channelName(channel) : '',
    ]
      .filter(Boolean)
      .join(' · ');
    const details = h(
      'details',
      { class: 'visit', open: this.open.get(key) ?? first, ontoggle: () => this.open.set(key, details.open) },
      h(
        'summary',
        {},
        h('time', { class: 'sm dim', datetime: events[0].time }, when(item.at, now)),
        h(
          'span',
          {},
          h(
            'span',
            { class: 'ttl b' },
            item.until - item.at < 60e3
              ? t('timeline.visit_short')
              : t('timeline.visit', { span: span(item.until - item.at) }),
          ),
          ' ',
          h('span', { class: 'sm mute' }, meta),
        ),
        h('span', { class: 'num b' }, shown(events.reduce((sum, event) => sum + worth(event), 0))),
      ),
      h(
        'ol',
        { role: 'list' },
        events.map(event =>
          h(
            'li',
            { class: `ev${Math.abs(worth(event)) >= 0.05 ? ' pt' : ''}` },
            h('time', { datetime: event.time }, clockTime(ms(event.time))),
            h('span', { class: 'w' }, eventWords(event), this.because(event)),
            h('span', { class: 'num b' }, shown(worth(event))),
          ),
        ),
      ),
    );
    return h('li', {}, details);
  }

  /** Reasons that the fact alone does not tell: repeats. @param {any} event */
  because(event) {
    const { grid } = this.entry;
    const labels = (event.points ?? [])
      .filter(p => grid.criteria.get(p.criterion)?.kind === 'repeat' && Math.abs(p.then) >= 0.05)
      .map(p => grid.label(p.criterion, p.label));
    return labels.length ? h('span', { class: 'dim' }, ` · ${labels.join(', ')}`) : null;
  }

  /** @param {any} event */
  identity(event) {
    const was = event.type === 'alias' ? event.properties?.previous_id : event.anonymous_id;
    return was ? t('timeline.known', { visitor: String(was), name: this.entry.name }) : t('timeline.profile');
  }

  /** @param {any} change @param {number} now */
  change(change, now) {
    const { grid } = this.entry,
      reason = change.criterion ? grid.label(change.criterion) : t('timeline.fading_alone');
    return h(
      'li',
      { class: `mark${grid.look(change.to) === 'hot' ? ' h' : ''}`, 'data-change': change.to },
      h('time', { class: 'dim', datetime: change.at }, when(ms(change.at), now)),
      h(
        'span',
        {},
        tierTag(grid, change.from),
        h('span', { 'aria-hidden': 'true' }, ' → '),
        h('span', { class: 'vh' }, t('alerts.becomes')),
        tierTag(grid, change.to),
        ` · ${reason}`,
      ),
      h('span', { class: 'num mute' }, change.score === undefined ? '' : number(change.score)),
    );
  }

  /** @param {number} at @param {number} now @param {string} text */
  mark(at, now, text) {
    return h(
      'li',
      { class: 'mark' },
      h('time', { class: 'dim', datetime: new Date(at).toISOString() }, when(at, now)),
      h('span', {}, text),
      h('span'),
    );
  }
}
