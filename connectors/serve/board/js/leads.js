// Leads: whom to call now, why, and for how long is it hot?
import { getLeads } from './api.js';
import { news, say } from './announce.js';
import { Answers } from './answers.js';
import { hurried, now } from './clock.js';
import { h, replace, setText } from './dom.js';
import { Entry } from './entry.js';
import { Filters } from './filters.js';
import { span } from './format.js';
import { bindKeys } from './keys.js';
import { LeadsTable } from './leads_table.js';
import { comparing, moved } from './order.js';
import { start } from './session.js';
import { statePanel } from './states.js';
import { locale, t, tn, tx } from './texts.js';
/** @typedef {import('./session.js').Session} Session */

/** How many of each tier are shown at first, by look. */
const SHOWN = { hot: 50, warm: 8, cold: 4 };
/** The most that the API gives at once. */
const MOST = 500;
/** Fading alone changes ranks too: they are compared every so many seconds. */
const RANK_EVERY = 10;
/** Seconds between the steps of a list that follows by itself. */
const FOLLOW_EVERY = 2;

class LeadsPage {
  name = 'leads';

  head() {
    return {
      title: t('nav.leads'),
      phone: h('span', { class: 'b phone-title', 'aria-hidden': 'true' }, t('leads.title_short')),
    };
  }

  /** @param {Session} session */
  async load(session) {
    this.session = session;
    if (!this.filters) this.frame();
    await this.fetch();
    this.draw();
  }

  frame() {
    /** @type {Map<string, Entry>} */
    this.entries = new Map();
    /** @type {Map<string, any>} */
    this.newcomers = new Map();
    this.answers = new Answers((alert, given) => this.answerChanged(alert, given));
    this.filters = new Filters(() => this.refetch());
    this.sub = h('p', { class: 'sub sm' });
    this.pillText = h('span');
    this.pill = h(
      'span',
      { class: 'pill', hidden: true },
      this.pillText,
      h(
        'button',
        { type: 'button', 'data-reorder': true, onclick: () => this.reorder() },
        t('leads.reorder'),
        ' ',
        h('kbd', { 'aria-hidden': 'true' }, 'R'),
      ),
    );
    this.table = new LeadsTable(
      this.answers,
      tier => this.filters.open(tier),
      () => this.more(),
    );
    this.content = h('div');
    replace(
      this.session.body,
      h(
        'div',
        { class: 'page-head' },
        h('h1', {}, t('leads.title')),
        this.sub,
        h('div', { class: 'end' }, this.pill, this.filters.sortBox),
      ),
      this.filters.bar,
      this.content,
    );
    bindKeys({
      '/': () => this.filters.search.focus(),
      j: () => this.table.step(1),
      k: () => this.table.step(-1),
      r: () => this.reorder(),
      z: () => this.answers.undo(),
      a: () => this.answerCurrent('accepted'),
      n: () => this.answerCurrent('rejected'),
      x: () => this.answerCurrent('wrong'),
    });
    this.seconds = 0;
  }

  /** @param {import('./answers.js').Answer} answer */
  answerCurrent(answer) {
    const alert = this.table.current?.alert;
    if (alert && !alert.answer) this.answers.give(alert, answer);
  }

  /** @returns {Promise<boolean>} false where the reader has asked for something else meanwhile */
  async fetch() {
    this.filters.check(this.session.grid);
    const { tier, q, sort, owner, channel } = this.filters.wanted,
      grid = this.session.grid,
      turn = (this.turn = (this.turn ?? 0) + 1);
    const whole = this.filters.choosy,
      ask = { q, sort, owner, channel };
    const apart = !tier && sort === 'score';
    const wanted = apart
      ? [...grid.tiers].reverse().map(({ id }) => ({ ...ask, tier: id, limit: whole ? MOST : SHOWN[grid.look(id)] }))
      : [{ ...ask, tier, limit: whole ? MOST : 50 }];
    const answers = await Promise.all(wanted.map(params => getLeads(params)));
    if (turn !== this.turn) return false;
    this.next = apart ? null : answers[0].next;
    this.asked = wanted[0];
    this.take(
      answers.flatMap(answer => answer.leads),
      true,
    );
    return true;
  }

  /** @param {any[]} records @param {boolean} afresh */
  take(records, afresh) {
    const at = now(),
      known = this.entries;
    if (afresh) {
      this.entries = new Map();
      this.newcomers.clear();
    }
    for (const record of records) {
      const entry = known.get(record.lead_id);
      if (entry) entry.update(record, at);
      if (entry || !this.entries.has(record.lead_id))
        this.entries.set(record.lead_id, entry ?? new Entry(record, this.session.grid, at));
    }
    this.filters.offer([...this.entries.values()]);
  }

  async more() {
    const page = await getLeads({ ...this.asked, after: this.next });
    this.next = page.next;
    this.take(page.leads, false);
    this.draw();
  }

  /** After a change of filter. */
  async refetch() {
    this.filters.drawTiers(this.session.grid, this.session.status.leads ?? {});
    this.content.setAttribute('aria-busy', 'true');
    try {
      if (!(await this.fetch())) return;
      this.draw();
      say(tn('leads.shown', this.table.ids().length));
    } catch (error) {
      this.session.failed(error);
    }
    this.content.removeAttribute('aria-busy');
  }

  /** The groups as they should stand now. @returns {{key: string, entries: Entry[]}[]} */
  due() {
    const at = now(),
      { sort, tier } = this.filters.wanted,
      grid = this.session.grid;
    const entries = [...this.entries.values()].filter(entry => this.filters.lets(entry));
    entries.forEach(entry => entry.settle(at));
    entries.sort(comparing(sort, at));
    if (sort !== 'score') return [{ key: 'all', entries }];
    const waiting = new Set(this.session.book.leadsAwaiting().map(alert => alert.lead_id));
    const calls = entry => waiting.has(entry.id) && entry.tier === grid.top.id;
    const groups = [
      { key: 'now', entries: entries.filter(calls) },
      ...[...grid.tiers]
        .reverse()
        .map(({ id }) => ({ key: id, entries: entries.filter(entry => entry.tier === id && !calls(entry)) })),
    ];
    return groups.filter(group => group.entries.length && (!tier || group.key === 'now' || group.key === tier));
  }

  draw() {
    const { session } = this,
      groups = this.due(),
      counts = session.status.leads ?? {};
    this.filters.drawTiers(session.grid, counts);
    if (!groups.length) {
      this.table.clear();
      replace(
        this.content,
        this.filters.narrow ? statePanel('no_match', { clear: () => this.filters.clear() }) : statePanel('empty'),
      );
    } else {
      if (!this.content.contains(this.table.element)) replace(this.content, this.table.element);
      this.table.draw({
        grid: session.grid,
        groups,
        counts,
        whole: this.filters.narrow,
        book: session.book,
        next: this.next,
        sort: this.filters.wanted.sort,
      });
    }
    this.drawSub();
    this.rank();
  }

  drawSub() {
    const { session } = this,
      waiting = session.book.leadsAwaiting();
    const key = String(waiting.length);
    if (this.subKey !== key) {
      this.subKey = key;
      this.first = h('time', { class: 'm' });
      replace(
        this.sub,
        waiting.length
          ? tx(waiting.length === 1 ? 'leads.waiting.one' : 'leads.waiting.other', {
              n: waiting.length.toLocaleString(locale),
              span: this.first,
            })
          : t('leads.none_waiting'),
      );
    }
    this.table.count(waiting);
    const soonest = Math.min(
      ...waiting.map(
        alert => this.entries.get(alert.lead_id)?.next?.at ?? (Date.parse(alert.lead?.next_tier?.at) || Infinity),
      ),
    );
    if (waiting.length) setText(this.first, Number.isFinite(soonest) ? span(soonest - now()) : t('leads.not_soon'));
  }

  /** The numbers by tier are known anew. */
  counted() {
    this.filters?.drawTiers(this.session.grid, this.session.status.leads ?? {});
  }

  /** Says how far the list is from its order, and moves nothing. */
  rank() {
    const groups = this.due(),
      shown = this.table.ids(),
      due = groups.flatMap(group => group.entries.map(entry => entry.id));
    const place = new Map(groups.flatMap(group => group.entries.map(entry => [entry.id, group.key])));
    const strayed = shown.filter(id => place.has(id) && place.get(id) !== this.table.rows.get(id)?.group);
    const rest = shown.filter(id => place.has(id) && !strayed.includes(id)),
      kept = new Set(rest);
    const gone = shown.length - rest.length - strayed.length;
    const n =
        gone +
        strayed.length +
        moved(
          rest,
          due.filter(id => kept.has(id)),
        ),
      fresh = this.newcomers.size;
    this.pill.hidden = n + fresh === 0;
    setText(
      this.pillText,
      [n ? tn('leads.moved', n) : '', fresh ? tn('leads.new', fresh) : ''].filter(Boolean).join(', '),
    );
  }

  /**
   * Whether the list may take its order by itself: where it is empty nothing can move, and a demonstration's weeks
   * pass in minutes, so that its order follows while neither pointer nor focus is in it.
   */
  follows() {
    if (this.pill.hidden || this.following) return false;
    if (!this.table.ids().length) return true;
    return hurried() && !this.content.matches(':hover') && !this.content.contains(document.activeElement);
  }

  async follow() {
    this.following = true;
    await this.refresh();
    this.draw();
    this.following = false;
  }

  async reorder() {
    if (this.pill.hidden) return;
    await this.refresh();
    const fromPill = this.pill.contains(document.activeElement);
    this.draw();
    if (fromPill) (this.table.current ?? [...this.table.rows.values()][0])?.link.focus({ preventScroll: true });
    say(t('leads.reordered'));
  }

  async refresh() {
    await Promise.all([
      this.fetch(),
      this.session.recount(),
    ]).catch(() => null); // the line is lost: by what is known
  }

  /** @param {any} record */
  score(record) {
    const at = now(),
      entry = this.entries.get(record.lead_id),
      grid = this.session.grid;
    if (!entry) {
      if (!this.filters.narrow) this.newcomers.set(record.lead_id, record);
      return this.rank();
    }
    const before = entry.tier;
    entry.update(record, at);
    if (entry.tier !== before) news(t('lead.became', { name: entry.name, tier: grid.tierName(entry.tier) }));
    const row = this.table.rows.get(entry.id);
    row?.draw(at, { group: row.group, alert: row.alert });
    row?.flash();
    this.drawSub();
    return this.rank();
  }

  /** @param {string} id */
  removed(id) {
    this.newcomers.delete(id);
    this.entries.delete(id);
    this.rank();
  }

  /** @param {any} alert */
  alert(alert) {
    const row = this.table.rows.get(alert.lead_id);
    if (row)
      row.draw(now(), {
        group: row.group,
        alert:
          this.session.book.leadsAwaiting().find(other => other.lead_id === alert.lead_id) ??
          (row.alert?.id === alert.id ? alert : row.alert),
      });
    else if (alert.lead && !this.filters.narrow) this.newcomers.set(alert.lead_id, alert.lead);
    this.drawSub();
    this.rank();
  }

  /** @param {any} alert @param {import('./answers.js').Given | undefined} given */
  answerChanged(alert, given) {
    const row = this.table.rows.get(alert.lead_id),
      name = this.entries.get(alert.lead_id)?.name ?? '';
    const focused = row?.own.contains(document.activeElement);
    row?.drawOwn();
    if (focused) (row.own.querySelector('button') ?? row.link).focus({ preventScroll: true });
    this.session.counted();
    this.drawSub();
    this.rank();
    if (given)
      say(
        given.status === 'failed'
          ? t('answer.not_sent', { answer: t(`answer.${given.answer}`), name })
          : t('answer.said', { answer: t(`answer.${given.answer}`), name }),
      );
  }

  tick() {
    if (!this.table) return;
    const at = now();
    for (const row of this.table.rows.values()) {
      const before = row.entry.tier;
      if (row.entry.settle(at) !== before) {
        news(t('lead.became', { name: row.entry.name, tier: this.session.grid.tierName(row.entry.tier) }));
        row.draw(at, { group: row.group, alert: row.alert });
      } else row.tick(at);
    }
    this.drawSub();
    if (++this.seconds % RANK_EVERY === 0) this.rank();
    if (this.seconds % FOLLOW_EVERY === 0 && this.follows()) this.follow();
  }
}

start(new LeadsPage());
