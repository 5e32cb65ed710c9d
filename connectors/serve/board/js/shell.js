// The frame of each page: side bar, top bar, tab bar, switches.
import { h, replace, setText } from './dom.js';
import { icon, glyph } from './icons.js';
import { keep } from './kept.js';
import { bindKeys, keysDialog, showKeys } from './keys.js';
import { askName, initials, myName } from './me.js';
import { onPause, paused, togglePause } from './pause.js';
import { signOut } from './api.js';
import { lang, locale, t } from './texts.js';
import { say } from './announce.js';

const PAGES = [
  ['leads', '/', 'list'],
  ['accounts', '/accounts', 'firm'],
  ['alerts', '/alerts', 'bell'],
  ['install', '/install', 'plug'],
];

/** @param {string} page @param {boolean} tab */
const links = (page, tab) =>
  PAGES.map(([name, href, mark]) =>
    h(
      'a',
      { href, 'aria-current': name === page ? 'page' : null },
      icon(mark, tab ? 18 : 16),
      h('span', {}, t(`nav.${name}`)),
      h('span', { class: 'n', 'data-count': name, hidden: true }),
    ),
  );

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  root.dataset.theme = dark ? 'light' : 'dark';
  keep('theme', root.dataset.theme);
}

function switches() {
  const other = lang === 'fr' ? 'en' : 'fr';
  const here = new URL(location.href);
  here.searchParams.set('lang', other);
  const language = h(
    'a',
    {
      class: 'btn ico ghost xs',
      href: here.pathname + here.search,
      hreflang: other,
      lang: other,
      'data-language': true,
      'aria-label': t('shell.other_language'),
      title: t('shell.other_language'),
      // the address may have changed since: filters live there
      onclick: event => {
        const now = new URL(location.href);
        now.searchParams.set('lang', other);
        event.currentTarget.href = now.pathname + now.search;
      },
    },
    other.toUpperCase(),
  );
  return [
    language,
    h(
      'button',
      {
        class: 'btn ico ghost',
        type: 'button',
        'data-theme-switch': true,
        title: t('shell.theme'),
        'aria-label': t('shell.theme'),
        onclick: toggleTheme,
      },
      icon('moon', 14),
    ),
  ];
}

const pauseButton = () =>
  h(
    'button',
    {
      class: 'btn ico ghost',
      type: 'button',
      'data-pause': true,
      'aria-pressed': 'false',
      title: t('shell.pause_key'),
      'aria-label': t('shell.pause'),
      onclick: togglePause,
    },
    icon('pause', 14),
  );

const liveState = () => [
  h('span', { class: 'dot', 'aria-hidden': 'true' }),
  h('span', { class: 'm nw', 'data-live': true }, t('shell.connecting')),
];

function meBox() {
  const box = h('div', { class: 'me' });
  const draw = () => {
    const name = myName();
    replace(
      box,
      h(
        'button',
        {
          class: 'who-am-i',
          type: 'button',
          title: t('me.change'),
          onclick: async () => {
            await askName();
            draw();
          },
        },
        h('span', { class: 'av', 'aria-hidden': 'true' }, initials(name) || '?'),
        h('span', { class: 'sm ell' }, name || t('me.nobody')),
      ),
    );
  };
  draw();
  return box;
}

const leave = () =>
  h(
    'button',
    {
      class: 'btn ghost sml leave',
      type: 'button',
      onclick: async () => {
        await signOut().catch(() => null);
        location.assign('/login');
      },
    },
    t('shell.leave'),
  );

/**
 * Builds the frame and gives the place of the page's content.
 * @param {{page: string, title: string, phone: any}} options phone: what the top bar shows
 * @returns {HTMLElement}
 */
export function shell({ page, title, phone }) {
  document.title = `${title} · LeadHeat`;
  const main = h('main', { class: 'main', id: 'main', tabindex: '-1' });
  const side = h(
    'aside',
    { class: 'side', 'aria-label': 'LeadHeat' },
    h('a', { class: 'brand', href: '/' }, h('span', { class: 'tier t-hot' }, glyph('hot')), 'LeadHeat'),
    h('p', { class: 'ws xs dim', 'data-grid': true }, '\u00a0'),
    h('nav', { 'aria-label': t('nav.pages') }, links(page, false)),
    h(
      'div',
      { class: 'foot' },
      h(
        'div',
        { class: 'live' },
        h('div', { class: 'live-row sm' }, liveState(), pauseButton()),
        h('p', { class: 'xs dim', 'data-clock': true, hidden: true }),
      ),
      meBox(),
      h(
        'div',
        { class: 'row' },
        switches(),
        h(
          'button',
          {
            class: 'btn ico ghost',
            type: 'button',
            onclick: showKeys,
            title: t('keys.title'),
            'aria-label': t('keys.title'),
          },
          icon('keys', 14),
        ),
        leave(),
      ),
    ),
  );
  replace(
    document.body,
    h('a', { class: 'skip', href: '#main' }, t('shell.skip')),
    h(
      'div',
      { class: 'shell' },
      side,
      h(
        'header',
        { class: 'topbar' },
        phone,
        h('span', { class: 'end xs mute' }, liveState(), pauseButton(), switches()),
      ),
      main,
      h('nav', { class: 'tabbar', 'aria-label': t('nav.pages_phone') }, links(page, true)),
    ),
    keysDialog(),
    h('div', { id: 'say', class: 'vh', role: 'status', 'aria-live': 'polite' }),
  );
  bindKeys({ p: togglePause });
  onPause(() => drawPause());
  return main;
}

let line = 'connecting';
/** @param {'live' | 'lost' | 'connecting'} state */
export function setLine(state) {
  line = state;
  drawPause(false);
}

let wasPaused = false;
function drawPause(spoken = true) {
  const still = paused(),
    words = still ? t('shell.paused') : t(`shell.${line}`);
  document.documentElement.toggleAttribute('data-paused', still);
  document.documentElement.toggleAttribute('data-lost', line === 'lost');
  document.querySelectorAll('[data-live]').forEach(element => setText(element, words));
  document.querySelectorAll('[data-pause]').forEach(button => button.setAttribute('aria-pressed', String(still)));
  if (spoken && still !== wasPaused) say(words);
  wasPaused = still;
}

/** @param {'leads' | 'alerts'} name @param {number} n @param {string} [todo] spoken after the number; marks it as to be done */
export function setCount(name, n, todo) {
  for (const badge of document.querySelectorAll(`[data-count=${name}]`)) {
    const inTabs = badge.closest('.tabbar') !== null;
    badge.toggleAttribute('hidden', (inTabs && !todo) || (Boolean(todo) && n === 0));
    badge.classList.toggle('todo', Boolean(todo));
    const text = n.toLocaleString(locale);
    if (badge.firstChild?.textContent !== text)
      replace(badge, text, todo ? h('span', { class: 'vh' }, ` ${todo}`) : null);
  }
}

/** @param {string} text */
export const setGridName = text => document.querySelectorAll('[data-grid]').forEach(element => setText(element, text));

/** @param {string | null} text */
export const setClockNote = text =>
  document.querySelectorAll('[data-clock]').forEach(element => {
    element.toggleAttribute('hidden', !text);
    setText(element, text ?? '');
  });
