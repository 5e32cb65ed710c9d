// Beside the curve: alerts and answers, who it is, which identities are one.
import { h } from './dom.js';
import { answered, asks } from './alert_book.js';
import { answerWords } from './answer_box.js';
import { deliveryLines } from './deliveries.js';
import { ms, number, when } from './format.js';
import { playsPanels } from './lead_plays.js';
import { traitName } from './lead_points.js';
import { t } from './texts.js';

/** @param {string} title @param {string} id @param {...any} body */
const panel = (title, id, ...body) =>
  h(
    'section',
    { class: 'panel', 'aria-labelledby': id },
    h('header', {}, h('h2', { id }, title)),
    h('div', { class: 'body' }, ...body),
  );

/** @param {any} alert @param {import('./grid.js').Grid} grid @param {number} now @param {boolean} newest whether none that asks came after it */
function alertItem(alert, grid, now, newest) {
  const state = answered(alert)
    ? h('span', { class: 'b' }, answerWords(alert.answer))
    : asks(alert)
      ? newest
        ? h('span', { class: 'chip ch' }, t('leads.unanswered_short'))
        : t('alerts.missed')
      : h('span', { class: 'mute' }, t('alerts.nothing_to_answer'));
  return h(
    'li',
    {},
    h(
      'p',
      { class: 'sm' },
      h('span', { class: 'b' }, grid.playName(alert.play)),
      ` · ${when(ms(alert.at), now)} · `,
      t('alerts.at_score', { score: number(alert.score) }),
    ),
    h('p', { class: 'sm mute' }, state),
    deliveryLines(alert),
  );
}

const TRAITS = ['email', 'phone', 'company', 'title', 'employees', 'industry', 'city', 'country', 'revenue'];

/** @param {import('./entry.js').Entry} entry @param {any[]} alerts newest first @param {any} plays @param {number} now */
export function leadSide(entry, alerts, plays, now) {
  const { record, grid } = entry,
    traits = record.traits ?? {};
  const known = [
    ...TRAITS,
    ...Object.keys(traits)
      .filter(name => !TRAITS.includes(name) && !['first_name', 'last_name', 'name'].includes(name))
      .sort(),
  ].filter(name => traits[name] !== undefined && traits[name] !== null);
  const value = name =>
    name === 'email'
      ? h('a', { href: `mailto:${encodeURIComponent(traits.email).replace('%40', '@')}` }, traits.email)
      : typeof traits[name] === 'object'
        ? JSON.stringify(traits[name])
        : typeof traits[name] === 'number'
          ? number(traits[name], 0)
          : String(traits[name]);
  return [
    panel(
      t('lead.alerts'),
      'side-alerts',
      alerts.length
        ? h(
            'ul',
            { class: 'list', role: 'list' },
            alerts.slice(0, 8).map(alert => alertItem(alert, grid, now, alert === alerts.find(asks))),
          )
        : h('p', { class: 'sm mute' }, t('lead.no_alerts')),
    ),
    playsPanels(plays, grid),
    panel(
      t('lead.who'),
      'side-who',
      known.length || record.owner
        ? h(
            'dl',
            { class: 'kv' },
            known.map(name => [h('dt', {}, traitName(name)), h('dd', {}, value(name))]),
            record.owner ? [h('dt', {}, t('column.own')), h('dd', {}, record.owner)] : null,
          )
        : h('p', { class: 'sm mute' }, t('lead.unknown')),
    ),
    panel(
      t('lead.identities'),
      'side-ids',
      h(
        'ul',
        { class: 'list', role: 'list' },
        (record.identities ?? [record.lead_id]).map(id =>
          h(
            'li',
            {},
            h('span', { class: 'code' }, id),
            id === record.lead_id && !entry.anonymous
              ? h('span', { class: 'sm mute' }, ` · ${t('lead.known_id')}`)
              : null,
          ),
        ),
      ),
    ),
  ];
}
