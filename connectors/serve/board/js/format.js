// Numbers, spans of time and moments as people read them.
import { lang, locale, t } from './texts.js';

const NB = '\u00a0';
export const MINUTE = 60e3,
  HOUR = 3600e3,
  DAY = 864e5;

/** @param {Intl.DateTimeFormatOptions} options */
const dates = options => new Intl.DateTimeFormat(locale, options);
const CLOCK = dates({ hour: '2-digit', minute: '2-digit', hour12: false });
const WEEKDAY = dates({ weekday: 'short', day: 'numeric', month: 'short' });
const NEAR = dates({ weekday: 'short', day: 'numeric' });
const DATE = dates({ day: 'numeric', month: 'short' });
const LONG = dates({ weekday: 'long', day: 'numeric', month: 'long' });
const YEAR = dates({ day: 'numeric', month: 'short', year: 'numeric' });
/** @type {Intl.NumberFormat[]} */
const DIGITS = [0, 1, 2].map(
  n => new Intl.NumberFormat(locale, { minimumFractionDigits: n, maximumFractionDigits: n }),
);

/** @param {number} x @param {number} [digits] */
export function number(x, digits = 1) {
  const text = DIGITS[digits].format(x).replace('-', '−');
  return /[1-9]/.test(text) ? text : text.replace('−', '');
}

/** @param {number} x @param {number} [digits] */
export function signed(x, digits = 1) {
  const text = number(x, digits);
  return x > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/** Points: whole ones without a decimal. @param {number} x */
export const points = x => signed(x, Math.abs(x - Math.round(x)) < 0.05 ? 0 : 1);

/** A span as `4 d 7 h`, below a minute `< 1 min`; never negative. @param {number} ms */
export function span(ms) {
  const minutes = Math.max(0, Math.floor(ms / MINUTE)),
    hours = Math.floor(minutes / 60),
    days = Math.floor(hours / 24);
  if (minutes < 60) return minutes ? `${minutes}${NB}min` : `<${NB}1${NB}min`;
  if (hours < 48)
    return hours + NB + 'h' + NB + (lang === 'fr' ? String(minutes % 60).padStart(2, '0') : `${minutes % 60}${NB}min`);
  const d = t('unit.day');
  return `${number(days, 0)}${NB}${d}` + (days < 14 && hours % 24 ? `${NB}${hours % 24}${NB}h` : '');
}

/** A half-life or window: `7 d`, `36 h`. @param {number} seconds */
export function period(seconds) {
  const [size, unit] =
    Math.round(seconds) % 86400 === 0 || seconds > 2 * 86400
      ? [86400, t('unit.day')]
      : seconds >= 3600
        ? [3600, 'h']
        : seconds >= 60
          ? [60, 'min']
          : [1, 's'];
  const n = Math.round((seconds / size) * 10) / 10;
  return number(n, Number.isInteger(n) ? 0 : 1) + NB + unit;
}

/** How long something took, `2 min 06`. @param {number} seconds */
export const took = seconds =>
  seconds < 60
    ? `${Math.round(seconds)}${NB}s`
    : `${Math.floor(seconds / 60)}${NB}min` +
      (Math.round(seconds % 60) ? NB + String(Math.floor(seconds % 60)).padStart(2, '0') : '');

/** @param {number} ms */
export function ago(ms) {
  const minutes = Math.floor(ms / MINUTE);
  if (minutes < 1) return t('time.just_now');
  const size =
    minutes < 60
      ? `${minutes}${NB}min`
      : minutes < 2880
        ? `${Math.floor(minutes / 60)}${NB}h`
        : `${number(Math.floor(minutes / 1440), 0)}${NB}${t('unit.day')}`;
  return t('time.ago', { span: size });
}

/** @param {number} at */
export function clockTime(at) {
  const text = CLOCK.format(at);
  return lang === 'fr' ? text.replace(/^0/, '').replace(':', `${NB}h${NB}`) : text;
}

/** @param {number} at */
const dayKey = at => new Date(at).toDateString();
/** @param {number} a @param {number} b */
export const sameDay = (a, b) => dayKey(a) === dayKey(b);

/** `Fri 27 Nov`. @param {number} at */
export const dayOf = at => WEEKDAY.format(at).replace(',', '');
/** `Fri`. @param {number} at */
export const weekday = at => dayOf(at).split(/\s/)[0];
/** `27 Nov`, with its year where it is another one. @param {number} at @param {number} now */
export const dateOf = (at, now) =>
  (new Date(at).getFullYear() === new Date(now).getFullYear() ? DATE : YEAR).format(at);
/** `Fri 27 Nov, 18:40`. @param {number} at */
export const moment = at => `${dayOf(at)}, ${clockTime(at)}`;
/** `today 10:12`, `Tue 17, 11:31`, or `27 Nov, 18:40` where weeks lie between. @param {number} at @param {number} now */
export function when(at, now) {
  if (sameDay(at, now)) return t('time.today', { at: clockTime(at) });
  return `${Math.abs(now - at) < 21 * DAY ? NEAR.format(at) : dateOf(at, now)}, ${clockTime(at)}`;
}
/** `Today, Monday 23 November`. @param {number} at @param {number} now */
export function dayTitle(at, now) {
  const day = LONG.format(at).replace(',', '');
  if (sameDay(at, now)) return t('time.day_today', { day });
  return sameDay(at, now - DAY) ? t('time.day_yesterday', { day }) : day[0].toUpperCase() + day.slice(1);
}

/** Milliseconds of a moment as the API writes it. @param {string | null | undefined} text @returns {number} NaN where there is none */
export const ms = text => (text ? Date.parse(text) : NaN);
