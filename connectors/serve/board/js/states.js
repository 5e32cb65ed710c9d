// Pages with nothing to show say why, and what to do.
import { h } from './dom.js';
import { loginHref } from './banner.js';
import { t } from './texts.js';

const TEST_EVENT = '{"type":"page_view","anonymous_id":"a-1","properties":{"url":"https://example.com/pricing"}}';

const skeleton = () =>
  h(
    'div',
    { class: 'stack skeletons', 'aria-hidden': 'true' },
    [92, 78, 85].map(() => h('div', { class: 'skel' })),
  );

/** What stands where nothing has come yet: seen only where that takes long. */
export const waiting = () => h('div', { class: 'waiting', role: 'status', 'aria-label': t('state.loading') }, skeleton());

/** @param {Record<string, any>} act */
const ACTIONS = {
  forbidden: () => h('a', { class: 'btn', href: loginHref() }, t('login.other_key')),
  not_found: () => h('a', { class: 'btn', href: '/' }, t('state.back')),
  unreachable: ({ retry }) => h('button', { class: 'btn', type: 'button', onclick: retry }, t('banner.try_now')),
  rebuilding: skeleton,
  empty: () =>
    h(
      'pre',
      { class: 'code sample', tabindex: '0', 'aria-label': t('state.empty_sample') },
      h(
        'code',
        {},
        `curl -H "Authorization: Bearer KEY" -H "Content-Type: application/json" -d '${TEST_EVENT}' ${location.origin}/v1/events`,
      ),
    ),
  no_match: ({ clear }) => h('button', { class: 'btn', type: 'button', onclick: clear }, t('state.clear')),
  all_answered: () => h('a', { class: 'btn', href: '/?tier=warm' }, t('state.see_warm')),
  no_mine: () => null,
  no_accounts: () => h('a', { class: 'btn', href: '/' }, t('state.back')),
  no_account_match: ({ clear }) => h('button', { class: 'btn', type: 'button', onclick: clear }, t('state.clear')),
  no_alerts: () => h('a', { class: 'btn', href: '/' }, t('state.back')),
};

/** @param {keyof typeof ACTIONS} kind @param {Record<string, any>} [act] `whole`: it is all that the page has; else what its button does */
export const statePanel = (kind, act = {}) =>
  h(
    'section',
    { class: 'panel state', 'data-state': kind, 'aria-labelledby': `state-${kind}` },
    h(
      'div',
      { class: 'body' },
      h(act.whole ? 'h1' : 'h2', { id: `state-${kind}`, class: 'b' }, t(`state.${kind}`)),
      h('p', { class: 'mute sm' }, t(`state.${kind}_why`)),
      ACTIONS[kind](act),
    ),
  );
