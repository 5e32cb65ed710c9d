// Where the points come from: each contribution in words, its ghost bar, how it fades.
import { h, replace, setText } from './dom.js';
import { clockTime, dateOf, ms, number, period, points, sameDay } from './format.js';
import { scoreName } from './lead_row.js';
import { lang, t, tn } from './texts.js';
/** @typedef {import('./entry.js').Entry} Entry */
/** @typedef {{then: number, times: number[]}} Origin what a criterion's events brought when they happened */

/** @param {any[]} events timeline events @returns {Map<string, Origin>} */
export function origins(events) {
  /** @type {Map<string, Origin>} */
  const found = new Map();
  for (const event of events) {
    for (const { criterion, then } of event.points ?? []) {
      const origin = found.get(criterion) ?? { then: 0, times: [] };
      origin.then += then;
      origin.times.push(ms(event.time));
      found.set(criterion, origin);
    }
  }
  return found;
}

/** The traits a condition looks at. @param {any} condition @returns {string[]} */
function traitsIn(condition) {
  if (!condition || typeof condition !== 'object') return [];
  return [
    ...new Set(
      Object.entries(condition).flatMap(([key, value]) =>
        ['any', 'all', 'none'].includes(key) ? [value].flat().flatMap(traitsIn) : [key],
      ),
    ),
  ];
}

export class PointsPanel {
  /** @param {Entry} entry */
  constructor(entry) {
    this.entry = entry;
    this.body = h('div');
    this.element = h(
      'section',
      { class: 'panel contrib', 'aria-labelledby': 'points-title' },
      h(
        'header',
        {},
        h('h2', { id: 'points-title' }, t('points.title')),
        h('p', { class: 'sm mute' }, t('points.legend')),
      ),
      this.body,
    );
  }

  /** @param {number} now @param {any[]} events */
  draw(now, events) {
    const { entry } = this,
      { grid } = entry,
      reading = entry.at(now),
      from = origins(events);
    /** @type {{id: string, cell: Element, bar: HTMLElement, sum?: string}[]} */
    this.live = [];
    this.sums = new Map();
    const rows = [...new Set([...reading.points.keys(), ...entry.terms.pending.map(p => p.criterion)])].map(id =>
      this.row(id, reading, from.get(id), now),
    );
    this.widest = Math.max(1, ...rows.map(row => Math.max(Math.abs(row.then), Math.abs(row.value))));
    const groups = Object.keys(grid.scores)
      .sort((a, b) => (a === 'fit' ? 1 : 0) - (b === 'fit' ? 1 : 0))
      .map(score =>
        this.group(
          score,
          rows.filter(row => row.score === score),
          reading,
        ),
      );
    const heads = [
      ['cc', 'reason'],
      ['cb', 'left'],
      ['num cn', 'now'],
      ['num ca', 'then'],
      ['ch', 'fades'],
    ];
    replace(
      this.body,
      h(
        'table',
        { role: 'table' },
        h('caption', { class: 'vh' }, t('points.title')),
        h(
          'thead',
          { role: 'rowgroup' },
          h(
            'tr',
            { role: 'row' },
            heads.map(([name, key]) =>
              h('th', { scope: 'col', role: 'columnheader', class: name }, t(`points.${key}`)),
            ),
          ),
        ),
        groups,
      ),
    );
    this.tick(now);
  }

  /** @param {string} id @param {import('./fade.js').Reading} reading @param {Origin | undefined} origin @param {number} now */
  row(id, reading, origin, now) {
    const { entry } = this,
      c = entry.grid.criteria.get(id),
      value = reading.points.get(id) ?? 0;
    const worth = c?.kind === 'behaviour' ? (origin?.then ?? value) : value === 0 ? 0 : (c?.points ?? value);
    const bounded = c?.max != null ? (c.points < 0 ? Math.max(worth, c.max) : Math.min(worth, c.max)) : worth;
    return {
      id,
      value,
      then: Math.abs(bounded) > Math.abs(value) ? bounded : value,
      score: c?.score ?? '',
      c,
      origin,
      now,
    };
  }

  /** @param {string} score @param {any[]} rows @param {import('./fade.js').Reading} reading */
  group(score, rows, reading) {
    if (!rows.length) return null;
    rows.sort((a, b) => b.value - a.value);
    const sum = h('span', { class: 'r' }, number(reading.scores[score]));
    this.sums?.set(score, sum);
    return h(
      'tbody',
      { role: 'rowgroup' },
      h(
        'tr',
        { class: 'sub', role: 'row' },
        h(
          'th',
          { scope: 'rowgroup', role: 'columnheader', colspan: '5' },
          sum,
          score === 'fit' || score === 'engagement' ? t(`points.${score}`) : scoreName(score),
        ),
      ),
      rows.map(row => this.draw1(row)),
    );
  }

  /** @param {any} row */
  draw1({ id, value, then, c, origin, now }) {
    const look = value < 0 ? 'neg' : c?.kind === 'explicit' ? 'fit' : '';
    const ghost = h('i'),
      left = h('b'),
      bar = h(
        'span',
        { class: `gb ${look}`, role: 'img', 'aria-label': t('points.bar', { now: points(value), then: points(then) }) },
        ghost,
        left,
      );
    ghost.style.width = `${(Math.abs(then) / this.widest) * 100}%`;
    const cell = h('data', {});
    this.live?.push({ id, cell, bar: left });
    const [fades, note] = this.fading(id, c, now);
    return h(
      'tr',
      { class: 'c', role: 'row', 'data-criterion': id },
      h(
        'th',
        { scope: 'row', role: 'rowheader', class: 'cc' },
        this.entry.grid.label(id),
        h('span', { class: 'xs dim block' }, this.fact(c, origin, now)),
      ),
      h('td', { role: 'cell', class: 'cb' }, then || value ? bar : null),
      h('td', { role: 'cell', class: 'num cn b' }, cell),
      h('td', { role: 'cell', class: 'num ca mute', 'data-l': t('points.then_phone') }, points(then).replace('+', '')),
      h(
        'td',
        { role: 'cell', class: 'ch sm' },
        h('span', { class: 'nw' }, fades),
        note ? h('span', { class: 'xs dim block' }, note) : null,
      ),
    );
  }

  /** What it rests on. @param {any} c @param {Origin | undefined} origin @param {number} now */
  fact(c, origin, now) {
    if (c?.kind === 'explicit') {
      const traits = this.entry.record.traits ?? {};
      return traitsIn(c.lead)
        .map(name => name.split('.')[0])
        .filter((name, i, all) => all.indexOf(name) === i && traits[name] !== undefined)
        .map(name =>
          typeof traits[name] === 'number'
            ? t('points.trait_number', { name: traitName(name), value: number(traits[name], 0) })
            : t('points.trait', { name: traitName(name), value: String(traits[name]) }),
        )
        .join(', ');
    }
    if (c?.kind === 'repeat') {
      const days = c.repeat.distinct === 'day' ? 'points.repeat_days' : 'points.repeat';
      return t(days, { n: c.repeat.at_least, within: within(c.repeat.within) });
    }
    if (!origin) return '';
    const last = Math.max(...origin.times);
    return tn('points.times', origin.times.length, {
      last: sameDay(last, now) ? t('time.today', { at: clockTime(last) }) : dateOf(last, now),
    });
  }

  /** How it goes: half-life, end, bound. @param {string} id @param {any} c @param {number} now @returns {[string, string]} */
  fading(id, c, now) {
    const pending = this.entry.terms.pending.find(p => p.criterion === id && p.from > now);
    const end = this.entry.terms.fading.find(f => f.criterion === id && f.until > now && Number.isFinite(f.until));
    const at = moment => ({ day: dateOf(moment, now), at: clockTime(moment) });
    const notes = [
      end ? t('points.ends', at(end.until)) : '',
      pending ? t('points.begins', { points: points(pending.points), ...at(pending.from) }) : '',
      c?.max != null ? t('points.at_most', { max: number(c.max, 0) }) : '',
    ];
    const words =
      c?.kind === 'absent'
        ? t('points.while_silent')
        : c?.kind === 'explicit' || !c?.half_life_s
          ? t('points.stays')
          : t('points.half_in', { period: period(c.half_life_s) });
    return [words, notes.filter(Boolean).join(lang === 'fr' ? ' ; ' : '; ')];
  }

  /** @param {number} now */
  tick(now) {
    const reading = this.entry.at(now);
    for (const { id, cell, bar } of this.live ?? []) {
      const value = reading.points.get(id) ?? 0,
        text = Number.isInteger(value) ? number(value, 0) : number(value);
      if (cell.textContent === text) continue;
      cell.textContent = text;
      bar.style.width = `${(Math.abs(value) / this.widest) * 100}%`;
    }
    for (const [score, element] of this.sums ?? []) setText(element, number(reading.scores[score]));
  }
}

const UNITS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
/** A window as the grid writes it, `7d`. @param {string | number} text */
const within = text => period(parseFloat(String(text)) * (UNITS[String(text).slice(-1)] ?? 1));

/** @param {string} name */
export const traitName = name =>
  [
    'email',
    'title',
    'company',
    'employees',
    'revenue',
    'industry',
    'country',
    'city',
    'phone',
    'first_name',
    'last_name',
  ].includes(name)
    ? t(`trait.${name}`)
    : name;
