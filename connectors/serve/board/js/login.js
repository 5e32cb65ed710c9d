// Login: a read key is exchanged for a cookie that no script can read.
import { ApiError, signIn } from './api.js';
import { h, replace } from './dom.js';
import { glyph, icon } from './icons.js';
import { enterByLink } from './key_link.js';
import { myName, setMyName } from './me.js';
import { loadTexts, t } from './texts.js';

/** Where to go after, only within this board: the server shows this page in place of any that needs a key. */
function target() {
  const here = location.pathname === '/login' ? '/' : location.pathname + location.search;
  const next = new URLSearchParams(location.search).get('next') ?? here;
  return /^\/(?![/\\])/.test(next) ? next : '/';
}

if (await enterByLink()) location.replace(target());
await loadTexts();
document.title = `${t('login.title')} · LeadHeat`;
const name = h('input', { id: 'name', autocomplete: 'name', required: true, value: myName() });
const key = h('input', {
  id: 'key',
  type: 'password',
  autocomplete: 'current-password',
  required: true,
  spellcheck: 'false',
});
const wrong = h('p', { class: 'sm', role: 'alert' });
const button = h('button', { class: 'btn pri' }, t('login.enter'));

/** @param {unknown} error */
const why = error =>
  t(
    error instanceof ApiError && (error.status === 401 || error.status === 403)
      ? 'login.wrong_key'
      : 'login.unreachable',
  );

const form = h(
  'form',
  {
    class: 'stack',
    onsubmit: async event => {
      event.preventDefault();
      button.disabled = true;
      replace(wrong);
      try {
        await signIn(key.value.trim());
        setMyName(name.value);
        location.assign(target());
      } catch (error) {
        replace(wrong, h('span', { class: 'bad' }, icon('warn', 12), why(error)));
        button.disabled = false;
        key.focus();
      }
    },
  },
  h(
    'div',
    { class: 'ask' },
    h('label', { class: 'sm m', for: 'name' }, t('login.name')),
    h('span', { class: 'field' }, name),
    h('p', { class: 'xs dim' }, t('me.why')),
  ),
  h(
    'div',
    { class: 'ask' },
    h('label', { class: 'sm m', for: 'key' }, t('login.key')),
    h('span', { class: 'field' }, key),
    h('p', { class: 'xs dim' }, t('login.key_why')),
  ),
  wrong,
  button,
);

replace(
  document.body,
  h(
    'main',
    { class: 'login', id: 'main' },
    h(
      'section',
      { class: 'panel' },
      h(
        'div',
        { class: 'body stack' },
        h('p', { class: 'brand' }, h('span', { class: 'tier t-hot' }, glyph('hot')), 'LeadHeat'),
        h('h1', {}, t('login.title')),
        form,
      ),
    ),
  ),
);
(name.value ? key : name).focus();
