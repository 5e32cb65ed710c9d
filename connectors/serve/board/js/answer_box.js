// The buttons of an alert, or what was answered, with undo and "Send again".
import { h } from './dom.js';
import { clockTime, ms } from './format.js';
import { humanize } from './grid.js';
import { icon } from './icons.js';
import { myName } from './me.js';
import { has, t } from './texts.js';
/** @typedef {import('./answers.js').Answers} Answers */

const CHOICES = /** @type {const} */ ([
  ['accepted', 'A'],
  ['rejected', 'N'],
  ['wrong', 'X'],
]);

/** @param {unknown} phone */
const dial = phone => String(phone).replace(/[^+\d]/g, '');

/** @param {unknown} phone @param {string} size */
export const phoneLink = (phone, size = '') =>
  phone && /^[+\d][\d\s().-]*$/.test(String(phone))
    ? h('a', { class: `btn ${size}`, href: `tel:${dial(phone)}` }, icon('phone', 14), String(phone))
    : null;

/** @param {any} alert @param {Answers} answers @param {{name: string, size?: string, keys?: boolean}} look */
export const choices = (alert, answers, { name, size = '', keys = false }) =>
  CHOICES.map(([answer, key]) =>
    h(
      'button',
      {
        class: `btn ${size} ${answer === 'accepted' ? 'pri' : ''}`,
        type: 'button',
        'data-answer': answer,
        'aria-label': `${t(`answer.${answer}`)}, ${name}`,
        onclick: () => answers.give(alert, answer),
      },
      t(`answer.${answer}`),
      keys ? [' ', h('kbd', { 'aria-hidden': 'true' }, key)] : null,
    ),
  );

/** Who answered what: `Taken by you at 10:42`. @param {any} answer */
export function answerWords(answer) {
  const mine = answer.by && answer.by === myName(),
    key = `answered.${answer.answer}`,
    ours = mine && has(`${key}_mine`) ? `${key}_mine` : key;
  return (
    (has(ours) ? t(ours, { by: answer.by || t('answer.somebody') }) : humanize(String(answer.answer))) +
    (answer.at ? t('answered.at', { at: clockTime(ms(answer.at)) }) : '') +
    (answer.note ? t('answered.note', { note: answer.note }) : '')
  );
}

/** The same in two short lines, for a cell: who, and below what. @param {any} answer @param {string | null} owner */
export function answerLines(answer, owner) {
  const by = answer.by ?? owner,
    key = `owned.${answer.answer}`;
  return [
    h('span', { class: 'sm ell' }, by && by === myName() ? t('answer.you') : by || t('answer.somebody')),
    h('span', { class: 'xs dim ell' }, has(key) ? t(key) : humanize(String(answer.answer))),
  ];
}

/** The strip after an answer, while it can be undone. @param {any} alert @param {Answers} answers */
function undoStrip(alert, answers) {
  return h(
    'span',
    { class: 'undo' },
    h('span', { class: 'ok' }, icon('check', 12), answerWords(alert.answer)),
    h(
      'button',
      { class: 'btn sml ghost', type: 'button', 'data-undo': true, onclick: () => answers.undo(alert) },
      t('answer.undo'),
      ' ',
      h('kbd', { 'aria-hidden': 'true' }, 'Z'),
    ),
    h('span', { class: 'xs dim' }, t('answer.undo_for')),
  );
}

/** @param {any} alert @param {Answers} answers @param {string} name */
function failedStrip(alert, answers, name) {
  const given = answers.of(alert);
  return h(
    'span',
    { class: 'undo' },
    h('span', { class: 'bad' }, icon('warn', 12), t('answer.not_saved')),
    h('span', { class: 'sm' }, t('answer.not_sent', { answer: t(`answer.${given?.answer}`), name })),
    h(
      'button',
      { class: 'btn sml', type: 'button', 'data-resend': true, onclick: () => answers.resend(alert) },
      t('answer.resend'),
    ),
  );
}

/** When to call back: sent as a note to the answer. @param {any} alert @param {Answers} answers */
const callBack = (alert, answers) =>
  h(
    'span',
    { class: 'undo sm mute' },
    t('answer.call_back'),
    ['week', 'month', 'never'].map(span =>
      h(
        'button',
        {
          class: 'btn sml',
          type: 'button',
          onclick: () => answers.give(alert, 'rejected', t('answer.note', { when: t(`answer.in_${span}`) })),
        },
        t(`answer.in_${span}`),
      ),
    ),
  );

/** What an answer's place shows. @param {any} alert @param {Answers} answers @param {string} name @returns {any} null where nothing was answered */
export function answerState(alert, answers, name) {
  const given = answers.of(alert);
  if (given?.status === 'failed') return failedStrip(alert, answers, name);
  if (!given) return null;
  return [undoStrip(alert, answers), given.answer === 'rejected' && !given.note ? callBack(alert, answers) : null];
}

/** The same in a cell of a row, which must not grow. @param {any} alert @param {Answers} answers @param {string} name */
export function answerCell(alert, answers, name) {
  const given = answers.of(alert);
  if (!given) return null;
  const failed = given.status === 'failed';
  const button = failed
    ? { 'data-resend': true, onclick: () => answers.resend(alert) }
    : { 'data-undo': true, onclick: () => answers.undo(alert) };
  const word = failed ? 'answer.resend' : 'answer.undo';
  return h(
    'span',
    { class: 'undo tight' },
    failed
      ? h('span', { class: 'bad' }, icon('warn', 12), t('answer.not_saved_short'))
      : h('span', { class: 'ok', title: answerWords(alert.answer) }, icon('check', 12), t(`answer.${given.answer}`)),
    h('button', { class: 'btn mini', type: 'button', 'aria-label': `${t(word)}, ${name}`, ...button }, t(word)),
  );
}
