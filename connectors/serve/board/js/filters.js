// Filters, search and sort of the list: they live in the address.
import { h, replace, setText } from './dom.js';
import { glyph, icon } from './icons.js';
import { myName } from './me.js';
import { locale, t } from './texts.js';
import { channelName } from './words.js';

/** @typedef {{tier: string, q: string, sort: import('./order.js').Sort, owner: string, channel: string, who: string}} Wanted */
/** @type {Wanted} */
const PLAIN = { tier: '', q: '', sort: 'score', owner: '', channel: '', who: '' };
const SORTS = ['score', 'cools', 'recent', 'name'];

export class Filters {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    const given = new URLSearchParams(location.search);
    /** @type {Wanted} */
    this.wanted = { ...PLAIN };
    for (const key of Object.keys(PLAIN)) if (given.get(key)) this.wanted[key] = given.get(key);
    if (!SORTS.includes(this.wanted.sort)) this.wanted.sort = 'score';
    this.tiers = h('div', { class: 'seg', role: 'group', 'aria-label': t('filter.tier') });
    this.search = h('input', {
      type: 'search',
      'data-search': true,
      placeholder: t('filter.search_hint'),
      value: this.wanted.q,
      oninput: event => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => this.set({ q: event.target.value.trim() }), 250);
      },
    });
    this.owner = this.select('owner');
    this.channel = this.select('channel');
    this.who = this.select('who', [
      ['', t('filter.all')],
      ['known', t('filter.known')],
      ['anonymous', t('filter.anonymous')],
    ]);
    this.sort = this.select(
      'sort',
      SORTS.map(name => [name, t(`sort.${name}`)]),
    );
  }

  /** @param {string} name @param {[string, string][]} [options] */
  select(name, options = [['', t('filter.all')]]) {
    const box = h('select', { 'data-filter': name, onchange: event => this.set({ [name]: event.target.value }) });
    this.fill(box, options, this.wanted[name]);
    return box;
  }

  /** @param {HTMLSelectElement} box @param {[string, string][]} options @param {string} value */
  fill(box, options, value) {
    const known = options.some(([option]) => option === value)
      ? options
      : [...options, /** @type {[string, string]} */ ([value, value])];
    const same = known.every(([option], i) => box.options[i]?.value === option);
    if (same && box.options.length === known.length) return;
    replace(
      box,
      known.map(([option, words]) => h('option', { value: option, selected: option === value }, words)),
    );
  }

  /** @param {Partial<Wanted>} change */
  set(change) {
    Object.assign(this.wanted, change);
    const params = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(this.wanted))
      if (value !== PLAIN[key]) params.set(key, value);
      else params.delete(key);
    history.replaceState(null, '', params.size ? `?${params}` : location.pathname);
    this.changed();
  }

  clear() {
    const { sort: _, ...plain } = PLAIN;
    this.search.value = '';
    for (const box of [this.owner, this.channel, this.who]) box.value = '';
    this.set(plain);
    this.search.focus(); // the button that asked for it goes
  }

  /** A tier, asked for by a button that goes. @param {string} tier */
  open(tier) {
    this.set({ tier });
    /** @type {HTMLElement | null} */ (this.tiers.querySelector('[aria-pressed=true]'))?.focus();
  }

  /** Forgets a tier that the grid does not have. @param {import('./grid.js').Grid} grid */
  check(grid) {
    if (this.wanted.tier && grid.rank(this.wanted.tier) < 0) this.wanted.tier = '';
  }

  /** Whether fewer than all leads are asked for. */
  get narrow() {
    const { tier, q } = this.wanted;
    return Boolean(tier || q || this.choosy);
  }

  /** Whether something is asked for that only the whole list can tell. */
  get choosy() {
    const { owner, channel, who } = this.wanted;
    return Boolean(owner || channel || who);
  }

  /** @param {import('./entry.js').Entry} entry */
  lets(entry) {
    const { owner, channel, who } = this.wanted;
    return (
      (!owner || entry.record.owner === owner) &&
      (!channel || entry.record.channel === channel) &&
      (!who || (who === 'anonymous') === entry.anonymous)
    );
  }

  /** Offers the owners and channels there are. @param {import('./entry.js').Entry[]} entries */
  offer(entries) {
    const owners = new Set(entries.map(entry => entry.record.owner).filter(Boolean)),
      channels = new Set(entries.map(entry => entry.record.channel).filter(Boolean));
    if (myName()) owners.add(myName());
    const all = /** @type {[string, string]} */ (['', t('filter.all')]);
    this.fill(
      this.owner,
      [
        all,
        ...[...owners]
          .sort()
          .map(name => /** @type {[string, string]} */ ([name, name === myName() ? t('filter.me') : name])),
      ],
      this.wanted.owner,
    );
    this.fill(
      this.channel,
      [all, ...[...channels].sort().map(name => /** @type {[string, string]} */ ([name, channelName(name)]))],
      this.wanted.channel,
    );
  }

  /** @param {import('./grid.js').Grid} grid @param {Record<string, number>} counts */
  drawTiers(grid, counts) {
    const total = Object.values(counts).reduce((sum, n) => sum + n, 0);
    const ids = ['', ...[...grid.tiers].reverse().map(tier => tier.id)],
      known = [...this.tiers.children].map(button => /** @type {HTMLElement} */ (button).dataset.tier);
    if (known.join() !== ids.map(id => id || 'all').join())
      replace(
        this.tiers,
        ids.map(id => this.tierButton(id, grid)),
      );
    for (const [i, id] of ids.entries()) {
      const button = this.tiers.children[i];
      button.setAttribute('aria-pressed', String(this.wanted.tier === id));
      setText(button.querySelector('.c'), (id ? (counts[id] ?? 0) : total).toLocaleString(locale));
    }
  }

  /** @param {string} id @param {import('./grid.js').Grid} grid */
  tierButton(id, grid) {
    return h(
      'button',
      { type: 'button', 'data-tier': id || 'all', onclick: () => this.set({ tier: id }) },
      id ? glyph(grid.look(id)) : null,
      id ? grid.tierName(id) : t('filter.all'),
      h('span', { class: 'c' }),
    );
  }

  /** The sort box, for the page's head. */
  get sortBox() {
    return h('label', { class: 'field sel' }, h('span', { class: 'dim' }, t('sort.label')), this.sort);
  }

  get bar() {
    const box = (label, select) => h('label', { class: 'field sel' }, h('span', { class: 'dim' }, t(label)), select);
    const bar = h(
      'div',
      { class: 'bar', role: 'search', 'aria-label': t('filter.label') },
      this.tiers,
      h(
        'label',
        { class: 'field search' },
        icon('search', 14),
        h('span', { class: 'vh' }, t('filter.search')),
        this.search,
        h('kbd', { 'aria-hidden': 'true' }, '/'),
      ),
      box('filter.owner', this.owner),
      box('filter.channel', this.channel),
      box('filter.who', this.who),
    );
    const more = h(
      'button',
      {
        class: 'btn phone',
        type: 'button',
        'aria-expanded': 'false',
        onclick: () => {
          const open = document.body.classList.toggle('filters-open');
          more.setAttribute('aria-expanded', String(open));
        },
      },
      t('filter.more'),
    );
    bar.append(more);
    return bar;
  }
}
