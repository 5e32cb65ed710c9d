// The board's words in the reader's language, from texts.json.

/** @type {'fr' | 'en'} */
export const lang = document.documentElement.lang === 'fr' ? 'fr' : 'en';
export const locale = lang === 'fr' ? 'fr-FR' : 'en-GB';

const plurals = new Intl.PluralRules(locale);
/** @type {Record<string, {fr: string, en: string}>} */
let texts = {};

export async function loadTexts() {
  const response = await fetch('/static/texts.json');
  texts = await response.json();
}

/** French typography: no break before high punctuation and inside guillemets. @param {string} text @returns {string} */
export const unbroken = text =>
  text
    .replace(/« /g, '«\u00a0')
    .replace(/ »/g, '\u00a0»')
    .replace(/ ([:;?!%])/g, '\u00a0$1');

/** @param {string} key */
export const has = key => key in texts;

/**
 * One text, with `{name}` replaced.
 * @param {string} key @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const entry = texts[key];
  if (!entry) throw new Error(`texts.json has no "${key}"`);
  const text = lang === 'fr' ? unbroken(entry.fr) : entry.en;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/** The text for a count: `key.one` or `key.other`. @param {string} key @param {number} n @param {Record<string, string | number>} [values] */
export const tn = (key, n, values = {}) =>
  t(`${key}.${plurals.select(n) === 'one' ? 'one' : 'other'}`, { n: n.toLocaleString(locale), ...values });

/**
 * A text whose `{name}` holes take elements, as a list of children.
 * @param {string} key @param {Record<string, Node | string>} parts
 */
export function tx(key, parts) {
  return t(key, Object.fromEntries(Object.keys(parts).map(name => [name, `\u0000${name}\u0000`])))
    .split('\u0000')
    .map((piece, index) => (index % 2 ? parts[piece] : piece));
}
