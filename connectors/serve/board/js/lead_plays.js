// Beside the curve: who has the lead, what is to be done, and of each play why it went off or does not.
import { h } from './dom.js';
import { moment, ms, number, period, points } from './format.js';
import { scoreName } from './lead_row.js';
import { lang, t } from './texts.js';

const SECONDS = { s: 1, m: 60, h: 3600, d: 86400, w: 7 * 86400 };

const at = text => moment(ms(text));

/** A bound that is missing, as points of what. @param {any} lack */
const lacking = lack => {
  const needed = points(Math.max(lack.points, 0.1)).replace(/^\+/, '');
  return lack.of ? t('plays.points_of', { points: needed, of: scoreName(lack.of) }) : t('plays.points', { points: needed });
};

/** A lead of an account must come into a tier, perhaps to stay for a while. @param {any} play @param {string} tier */
function waitsForLead(play, tier) {
  const stay = /^([\d.]+)([smhdw])$/.exec(play.when.account.for ?? '');
  return stay
    ? t('plays.waits_lead_stay', { tier, time: period(Number(stay[1]) * SECONDS[stay[2]]) })
    : t('plays.waits_lead', { tier });
}

/** @param {any} play @param {import('./grid.js').Grid} grid */
function state(play, grid) {
  if (play.state === 'missing' && play.gained !== undefined)
    return t('plays.gained', { gained: number(play.gained), needs: number(play.missing[0].needs) });
  if (play.state === 'waits' && play.lead) return waitsForLead(play, grid.tierName(play.lead));
  if (play.state === 'missing') return t('plays.missing', { missing: play.missing.map(lacking).join(', ') });
  if (play.state === 'comes') return t('plays.comes', { at: at(play.at) });
  if (play.state === 'holds' && play.alerted) return t('plays.alerted', { at: at(play.last_at) });
  if (play.state === 'holds' && play.held_back) return t('plays.held_back', { at: at(play.since) });
  if (play.state === 'waits' && play.label)
    return t('plays.waits_for', { label: play.label[lang] ?? Object.values(play.label)[0] ?? play.when.happens });
  return t(`plays.${play.state}`);
}

/** @param {any} play @param {import('./grid.js').Grid} grid */
const playItem = (play, grid) =>
  h(
    'li',
    {},
    h('p', { class: 'sm b' }, grid.playName(play.play)),
    h('p', { class: 'sm mute' }, state(play, grid)),
    play.cooldown_until && !play.held_back
      ? h('p', { class: 'sm mute' }, t('plays.cooldown', { at: at(play.cooldown_until) }))
      : null,
    play.opens && play.state !== 'elsewhere'
      ? h('p', { class: 'sm mute' }, t('plays.opens', { at: at(play.opens) }))
      : null,
  );

/** @param {any} task */
const taskItem = task =>
  h(
    'li',
    { class: 'sm' },
    h('span', { class: 'b' }, task.what === 'call' ? t('acts.call') : task.what),
    task.due ? ` · ${t('acts.due', { at: at(task.due) })}` : null,
    h('span', { class: 'mute' }, ` · ${t(`acts.${task.state}`)}`),
  );

/** @param {any} told what `/v1/leads/{id}/plays` says, or that of an account @param {import('./grid.js').Grid} grid */
export function playsPanels(told, grid) {
  const { assigned, tasks = [], plays } = told;
  const list = (...items) => h('ul', { class: 'list', role: 'list' }, ...items);
  const panel = (id, title, ...body) =>
    h(
      'section',
      { class: 'panel', 'aria-labelledby': id },
      h('header', {}, h('h2', { id }, title)),
      h('div', { class: 'body' }, ...body),
    );
  return [
    assigned || tasks.length
      ? panel(
          'side-acts',
          t('acts.title'),
          assigned ? h('p', { class: 'sm' }, t('acts.assigned', { person: assigned.name ?? assigned.person })) : null,
          tasks.length ? list(tasks.slice(0, 8).map(taskItem)) : null,
        )
      : null,
    plays.length ? panel('side-plays', t('plays.title'), list(plays.map(play => playItem(play, grid)))) : null,
  ];
}
