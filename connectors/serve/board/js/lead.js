// Lead: who, what did they do, when does it cool, what did sales say?
import { getAlerts, getCurve, getLead, getPlays, getTimeline } from './api.js';
import { news, say } from './announce.js';
import { answered, asks } from './alert_book.js';
import { Answers } from './answers.js';
import { now } from './clock.js';
import { AHEAD_DAYS, CurvePanel, PAST_DAYS } from './curve.js';
import { h, replace, setText } from './dom.js';
import { Entry } from './entry.js';
import { ms } from './format.js';
import { recall } from './kept.js';
import { bindKeys } from './keys.js';
import { LeadHead } from './lead_head.js';
import { PointsPanel } from './lead_points.js';
import { leadSide } from './lead_side.js';
import { TimelinePanel } from './lead_timeline.js';
import { start } from './session.js';
import { t, tn } from './texts.js';

/** How many facts are shown at first; what they brought says what the points were at the time. */
const FACTS = 200;

class LeadPage {
  name = 'leads';
  asked = decodeURIComponent(location.pathname.split('/')[2] ?? '');

  head() {
    return { title: t('lead.title'), phone: h('a', { href: '/' }, `← ${t('nav.leads')}`) };
  }

  /** @param {import('./session.js').Session} session */
  async load(session) {
    this.session = session;
    const [record, timeline, curve, { alerts }, plays] = await Promise.all([
      getLead(this.asked),
      getTimeline(this.asked, { limit: FACTS }),
      getCurve(this.asked, { days: PAST_DAYS, ahead: AHEAD_DAYS }),
      getAlerts({ lead: this.asked }), // the book has the newest of everybody
      getPlays(this.asked),
    ]);
    for (const alert of alerts) session.book.put(alert);
    if (this.entry) this.entry.update(record, now());
    else this.frame(new Entry(record, session.grid, now()));
    this.timeline = timeline;
    this.curve = curve;
    this.plays = plays;
    this.draw();
  }

  /** @param {Entry} entry */
  frame(entry) {
    this.entry = entry;
    this.answers = new Answers((alert, given) => this.answerChanged(given));
    this.leadHead = new LeadHead(entry, this.answers);
    this.curvePanel = new CurvePanel(entry);
    this.points = new PointsPanel(entry);
    this.facts = new TimelinePanel(entry, () => this.older());
    this.side = h('div', { class: 'stack' });
    this.arrived = 0;
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
    this.facts.pill.append(this.pill);
    const path = h(
      'div',
      { class: 'page-head desk crumbs' },
      h(
        'nav',
        { class: 'sm mute', 'aria-label': t('lead.path') },
        h('a', { href: '/' }, t('nav.leads')),
        ' / ',
        entry.name,
      ),
      h('div', { class: 'end' }, this.neighbours()),
    );
    replace(
      this.session.body,
      path,
      this.leadHead.head,
      this.leadHead.answer,
      h(
        'div',
        { class: 'grid2' },
        h('div', { class: 'stack' }, this.curvePanel.element, this.points.element, this.facts.element),
        this.side,
      ),
    );
    document.title = `${entry.name} · LeadHeat`;
    const give = answer => () => {
      const alert = this.current();
      if (alert && !answered(alert)) this.answers.give(alert, answer);
    };
    bindKeys({
      a: give('accepted'),
      n: give('rejected'),
      x: give('wrong'),
      z: () => this.answers.undo(),
      j: () => this.follow(this.after),
      k: () => this.follow(this.before),
      r: () => this.showNew(),
    });
  }

  /** Links to the leads before and after in the list last seen. */
  neighbours() {
    /** @type {string[]} */
    const order = JSON.parse(recall('order') ?? '[]'),
      place = order.indexOf(this.entry.id);
    if (place < 0) return null;
    this.before = order[place - 1];
    this.after = order[place + 1];
    const link = (id, key, word) =>
      id
        ? h(
            'a',
            { class: 'btn sml ghost', href: `/leads/${encodeURIComponent(id)}` },
            t(word),
            ' ',
            h('kbd', { 'aria-hidden': 'true' }, key),
          )
        : null;
    return [
      h('span', { class: 'xs dim' }, t('lead.place', { n: place + 1, of: order.length })),
      link(this.before, 'K', 'lead.before'),
      link(this.after, 'J', 'lead.after'),
    ];
  }

  /** @param {string | undefined} id */
  follow(id) {
    if (id) location.assign(`/leads/${encodeURIComponent(id)}`);
  }

  /** Its own: those of its account stand on the account's page. */
  get alerts() {
    const mine = new Set([this.entry.id, ...(this.entry.record.identities ?? [])]);
    return this.session.book.all().filter(alert => mine.has(alert.lead_id) && !alert.account);
  }

  /** The alert to answer, else the last one that was. */
  current() {
    return this.alerts.find(asks);
  }

  draw() {
    const at = now(),
      { events, changes, next } = this.timeline;
    this.leadHead.draw(at, this.current());
    this.curvePanel.draw(
      this.curve,
      at,
      events.map(event => ms(event.time)),
    );
    this.points.draw(at, events);
    this.facts.draw(events, changes, Boolean(next), at);
    replace(this.side, leadSide(this.entry, this.alerts, this.plays, at));
  }

  async older() {
    const page = await getTimeline(this.asked, { limit: FACTS, after: this.timeline.next });
    const known = new Set(this.timeline.events.map(event => event.id)),
      changed = new Set(this.timeline.changes.map(change => change.at));
    this.timeline = {
      events: [...this.timeline.events, ...page.events.filter(event => !known.has(event.id))],
      changes: [...this.timeline.changes, ...page.changes.filter(change => !changed.has(change.at))],
      next: page.next,
    };
    this.draw();
  }

  /** @param {any} record */
  score(record) {
    if (record.lead_id !== this.entry.id) return;
    const at = now(),
      before = this.entry.tier;
    this.entry.update(record, at);
    if (this.entry.tier !== before)
      news(t('lead.became', { name: this.entry.name, tier: this.session.grid.tierName(this.entry.tier) }));
    this.leadHead.draw(at, this.current());
    this.leadHead.flash();
    this.points.draw(at, this.timeline.events);
    this.arrived += 1;
    this.pill.hidden = false;
    setText(this.pillText, tn('timeline.new', this.arrived));
  }

  /** @param {string} id */
  removed(id) {
    if (id !== this.entry.id) return;
    this.pill.hidden = false;
    setText(this.pillText, t('lead.moved_on'));
  }

  async showNew() {
    if (this.pill.hidden) return;
    this.pill.hidden = true;
    this.arrived = 0;
    await this.load(this.session).catch(error => this.session.failed(error));
    say(t('timeline.up_to_date'));
  }

  /** An alert of somebody came, or an answer. */
  alert() {
    this.leadHead.draw(now(), this.current());
    replace(this.side, leadSide(this.entry, this.alerts, this.plays, now()));
  }

  /** @param {import('./answers.js').Given | undefined} given */
  answerChanged(given) {
    this.alert();
    this.session.counted();
    if (given)
      say(
        t(given.status === 'failed' ? 'answer.not_sent' : 'answer.said', {
          answer: t(`answer.${given.answer}`),
          name: this.entry.name,
        }),
      );
  }

  tick() {
    if (!this.entry) return;
    const at = now(),
      before = this.entry.tier;
    if (this.entry.settle(at) !== before) {
      news(t('lead.became', { name: this.entry.name, tier: this.session.grid.tierName(this.entry.tier) }));
      this.leadHead.draw(at, this.current());
      this.points.draw(at, this.timeline.events);
    } else {
      this.leadHead.tick(at);
      this.points.tick(at);
    }
  }
}

start(new LeadPage());
