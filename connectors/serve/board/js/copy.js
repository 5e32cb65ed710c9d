// Copies a text, and says so.
import { say } from './announce.js';
import { h, setText } from './dom.js';
import { t } from './texts.js';

/** A button that copies what `text` gives when it is pressed. @param {() => string} text @param {string} what */
export function copyButton(text, what) {
  const label = h('span', {}, t('install.copy'));
  return h(
    'button',
    {
      class: 'btn mini',
      type: 'button',
      'data-copy': true,
      'aria-label': `${t('install.copy')}: ${what}`,
      onclick: async () => {
        const done = await navigator.clipboard.writeText(text()).then(
          () => true,
          () => false,
        );
        const words = t(done ? 'install.copied' : 'install.not_copied');
        setText(label, words);
        say(words);
        setTimeout(() => setText(label, t('install.copy')), 2_000);
      },
    },
    label,
  );
}
