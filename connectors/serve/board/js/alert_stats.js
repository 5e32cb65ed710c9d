// Alerts in short: how many today, how fast and how well answered.
import { answered, asks } from './alert_book.js';
import { h } from './dom.js';
import { DAY, ms, number, sameDay, span } from './format.js';
import { lang, locale, t, tn } from './texts.js';

const PERCENT = lang === 'fr' ? '\u202f%' : '%';

/** @param {string} key @param {string} value @param {string} small */
const figure = (key, value, small) =>
  h('div', {}, h('p', { class: 'xs dim' }, t(key)), h('p', { class: 'v' }, value, ' ', h('small', {}, small)));

/** @param {any[]} alerts @param {number} now */
export function alertStats(alerts, now) {
  const given = alerts.filter(alert => asks(alert) && answered(alert));
  const accepted = given.filter(alert => alert.answer.answer === 'accepted').length;
  const took = given
    .filter(alert => alert.answer.at)
    .map(alert => ms(alert.answer.at) - ms(alert.at))
    .sort((a, b) => a - b);
  const on = day => alerts.filter(alert => sameDay(ms(alert.at), day)).length.toLocaleString(locale);
  const share = given.length ? number((accepted / given.length) * 100, 0) + PERCENT : '—';
  return [
    figure('alerts.today', on(now), t('alerts.yesterday', { n: on(now - DAY) })),
    figure('alerts.median', took.length ? span(took[took.length >> 1]) : '—', tn('alerts.of_answers', took.length)),
    figure('alerts.accepted', share, tn('alerts.of_answers', given.length)),
  ];
}
