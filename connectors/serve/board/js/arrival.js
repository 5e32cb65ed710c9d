// One request that arrived: as it was sent, as it was understood, and what was refused and why.
import { copyButton } from './copy.js';
import { h } from './dom.js';
import { ms } from './format.js';
import { icon } from './icons.js';
import { locale, t, tn } from './texts.js';

const SECONDS = new Intl.DateTimeFormat(locale, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});

/** Whether anything of it was not taken. @param {any} arrival */
export const refused = arrival => arrival.status >= 400 || arrival.refused > 0;

/** Where it came from: the protocol, or a path that nobody answers. @param {any} arrival */
export const sourceOf = arrival => arrival.protocol ?? t('install.nobodys');

/** Whose key it was: the source's name, else which of the keys. @param {any} arrival */
function sender(arrival) {
  if (arrival.source) return ` · ${t('install.source', { name: arrival.source })}`;
  return arrival.key === null ? '' : ` · ${t('install.key', { n: arrival.key })}`;
}

/** @param {any} arrival */
const reasons = arrival => [
  ...(arrival.error ? [arrival.error] : []),
  ...arrival.rejected
    .filter(one => one.error !== arrival.error)
    .map(one => t('install.rejected', { n: one.index + 1, error: one.error })),
];

/** @param {any} arrival */
function outcome(arrival) {
  if (arrival.status === 404) return t('install.no_such_path');
  const why = reasons(arrival)[0] ?? (arrival.status >= 400 ? t('install.refused') : '');
  const taken = arrival.accepted ? tn('install.taken', arrival.accepted) : '';
  return [taken, why].filter(Boolean).join(' · ') || t('install.nothing');
}

/** @param {string} title @param {string} text */
function block(title, text) {
  if (!text) return null;
  return h(
    'section',
    { class: 'told' },
    h('h3', { class: 'sm m' }, title, ' ', copyButton(() => text, title)),
    h('pre', { class: 'code', tabindex: '0', 'aria-label': title }, h('code', {}, text)),
  );
}

/** @param {[string, string][]} pairs @param {string} between */
const lines = (pairs, between) => pairs.map(([name, value]) => `${name}${between}${value}`).join('\n');

/** @param {any} arrival @returns {HTMLElement} */
export function arrivalItem(arrival) {
  const bad = refused(arrival),
    at = new Date(ms(arrival.at));
  const sent = [`${arrival.method} ${arrival.path}`, lines(arrival.headers, ': ')].filter(Boolean).join('\n');
  return h(
    'li',
    { class: 'arrival', 'data-refused': bad },
    h(
      'details',
      {},
      h(
        'summary',
        {},
        h('time', { class: 'xs dim nw', datetime: arrival.at }, SECONDS.format(at)),
        h('span', { class: bad ? 'bad' : 'ok' }, icon(bad ? 'warn' : 'check', 12), String(arrival.status)),
        h('span', { class: 'm' }, outcome(arrival)),
        h('span', { class: 'xs mute' }, `${sourceOf(arrival)}${sender(arrival)} · ${arrival.method} ${arrival.path}`),
      ),
      h(
        'div',
        { class: 'tolds' },
        h(
          'div',
          { class: 'stack' },
          block(t('install.sent'), sent),
          block(t('install.query'), lines(arrival.query, '=')),
          block(t('install.body', { bytes: arrival.body_bytes.toLocaleString(locale) }), arrival.body),
        ),
        h(
          'div',
          { class: 'stack' },
          block(t('install.why'), reasons(arrival).join('\n')),
          arrival.events.length
            ? block(
                tn('install.understood', arrival.accepted || arrival.events.length),
                arrival.events.map(event => JSON.stringify(event, null, 2)).join('\n'),
              )
            : h('p', { class: 'sm mute' }, t('install.nothing_understood')),
        ),
      ),
    ),
  );
}
