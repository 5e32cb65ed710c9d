// Single keys: act only outside fields, can be switched off in the `?` dialog.
import { h } from './dom.js';
import { keep, recall } from './kept.js';
import { t } from './texts.js';

/** @typedef {Record<string, () => void>} Keys */
/** @type {Keys} */
let actions = {};
let going = false;

const on = () => recall('keys') !== 'off';
/** @param {EventTarget | null} target */
const inField = target => target instanceof Element && target.closest('input, select, textarea, dialog') !== null;

/** What each key does on this page. @param {Keys} keys */
export function bindKeys(keys) {
  actions = { ...actions, ...keys };
}

function go(key) {
  going = false;
  if (key === 'l') location.assign('/');
  if (key === 'a') location.assign('/alerts');
}

addEventListener('keydown', event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === 'Escape' && event.target instanceof HTMLInputElement) event.target.blur();
  if (inField(event.target)) return;
  if (event.key === '?') return showKeys();
  if (!on()) return;
  const key = event.key.toLowerCase();
  if (going) return go(key);
  if (key === 'g') {
    going = true;
    setTimeout(() => {
      going = false;
    }, 1500);
    return;
  }
  const action = actions[key];
  if (!action) return;
  event.preventDefault();
  action();
});

const ROWS = [
  ['/', 'search'],
  ['J K', 'move'],
  ['⏎', 'open'],
  ['A', 'take'],
  ['N', 'not_ready'],
  ['X', 'wrong'],
  ['Z', 'undo'],
  ['R', 'reorder'],
  ['P', 'pause'],
  ['G L · G A', 'go'],
];

/** The dialog that says them all. */
export function keysDialog() {
  const box = h('input', { type: 'checkbox', onchange: event => keep('keys', event.target.checked ? 'on' : 'off') });
  box.checked = on();
  return h(
    'dialog',
    { id: 'keys', 'aria-labelledby': 'keys-title' },
    h('h2', { id: 'keys-title' }, t('keys.title')),
    h(
      'dl',
      { class: 'kv' },
      ROWS.map(([keys, name]) => [
        h(
          'dt',
          {},
          keys.split(' ').map(key => (key === '·' ? ' · ' : [h('kbd', {}, key), ' '])),
        ),
        h('dd', {}, t(`keys.${name}`)),
      ]),
    ),
    h('label', { class: 'sm' }, box, t('keys.switch')),
    h('form', { method: 'dialog' }, h('button', { class: 'btn sml' }, t('keys.close'))),
  );
}

export function showKeys() {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById('keys'));
  if (dialog && !dialog.open) dialog.showModal();
}
