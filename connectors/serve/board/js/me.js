// Who answers: asked once, kept on this machine.
import { h } from './dom.js';
import { keep, recall } from './kept.js';
import { t } from './texts.js';

export const myName = () => recall('name') ?? '';
/** @param {string} name */
export const setMyName = name => keep('name', name.trim());

/** @param {string} name */
export const initials = name =>
  name
    .split(/[\s-]+/)
    .filter(Boolean)
    .map(word => [...word][0].toUpperCase())
    .slice(0, 2)
    .join('');

/** Asks for the reader's name; null where the reader would rather not. @returns {Promise<string | null>} */
export function askName() {
  return new Promise(resolve => {
    const input = h('input', { id: 'me-name', name: 'name', autocomplete: 'name', required: true, value: myName() });
    const form = h(
      'form',
      { method: 'dialog', class: 'ask' },
      h('label', { for: 'me-name', class: 'sm mute' }, t('me.why')),
      h('span', { class: 'field' }, input),
      h(
        'div',
        { class: 'row' },
        h('button', { class: 'btn pri', value: 'ok' }, t('me.save')),
        h('button', { class: 'btn ghost', value: 'no', formnovalidate: true }, t('me.cancel')),
      ),
    );
    const dialog = h('dialog', { 'aria-labelledby': 'me-title' }, h('h2', { id: 'me-title' }, t('me.title')), form);
    dialog.addEventListener('close', () => {
      const name = dialog.returnValue === 'ok' ? input.value.trim() : '';
      if (name) setMyName(name);
      dialog.remove();
      resolve(name || null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
