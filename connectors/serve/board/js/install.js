// Installation: does what my tracker sends arrive, and what does LeadHeat make of it?
import { news, say } from './announce.js';
import { arrivalItem, refused, sourceOf } from './arrival.js';
import { copyButton } from './copy.js';
import { h, replace, setText } from './dom.js';
import { keep, recall } from './kept.js';
import { unlessPaused } from './pause.js';
import { snippet, trackers } from './install_snippets.js';
import { start } from './session.js';
import { locale, t, tn } from './texts.js';

/** How many are shown at once. */
const MOST = 200;
const REFUSED = '!';

class InstallPage {
  name = 'install';

  head() {
    return {
      title: t('nav.install'),
      phone: h('span', { class: 'b phone-title', 'aria-hidden': 'true' }, t('nav.install')),
    };
  }

  /** @param {import('./session.js').Session} session */
  async load(session) {
    if (this.list) return;
    /** @type {{arrival: any, item: HTMLElement}[]} */
    this.arrived = [];
    this.wanted = '';
    this.sub = h('p', { class: 'sub sm' }, t('install.waiting'));
    this.tabs = h('div', { class: 'seg', role: 'group', 'aria-label': t('install.which') });
    this.list = h('ol', { role: 'list' });
    this.none = h('p', { class: 'body mute sm none' }, t('install.none'));
    replace(
      session.body,
      h('div', { class: 'page-head' }, h('h1', {}, t('nav.install')), this.sub),
      this.howTo(),
      h('div', { class: 'bar' }, this.tabs),
      h('section', { class: 'panel', 'aria-label': t('install.arrivals') }, this.none, this.list),
      h('p', { class: 'xs dim foot-note' }, t('install.masked')),
    );
    this.draw();
    this.follow();
  }

  howTo() {
    const tracker = h(
      'select',
      { id: 'tracker', onchange: () => show() },
      trackers.map(name => h('option', { value: name, selected: name === recall('tracker') }, name)),
    );
    const host = h('input', {
      id: 'host',
      spellcheck: 'false',
      autocomplete: 'off',
      value: recall('gateway') ?? location.host,
      oninput: () => show(),
    });
    const key = h('code', { class: 'code' }),
      text = h('code', {});
    const show = () => {
      const found = snippet(tracker.value, host.value.trim() || location.host);
      setText(key, found.key);
      setText(text, found.text);
      keep('tracker', tracker.value);
      if (host.value.trim() !== location.host) keep('gateway', host.value.trim());
    };
    show();
    return h(
      'section',
      { class: 'panel how', 'aria-labelledby': 'how' },
      h('header', {}, h('h2', { id: 'how' }, t('install.how')), h('span', { class: 'end' }, copyButton(() => text.textContent, t('install.how')))),
      h(
        'div',
        { class: 'body stack' },
        h(
          'div',
          { class: 'row' },
          h('label', { class: 'sm m', for: 'tracker' }, t('install.tracker')),
          h('span', { class: 'field' }, tracker),
          h('label', { class: 'sm m', for: 'host' }, t('install.host')),
          h('span', { class: 'field host' }, host),
        ),
        h('pre', { class: 'code', tabindex: '0', 'aria-label': t('install.how') }, text),
        h('p', { class: 'sm mute' }, t('install.admit'), ' ', key),
      ),
    );
  }

  follow() {
    const source = new EventSource('/v1/arrivals');
    source.addEventListener('hello', () => {
      // what is kept comes again after it
      this.arrived = [];
      this.draw();
    });
    source.addEventListener('arrival', event => {
      const arrival = JSON.parse(event.data);
      unlessPaused(() => this.take(arrival));
    });
    source.onerror = () => {
      setText(this.sub, t('install.lost'));
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.follow(), 5_000);
    };
  }

  /** @param {any} arrival */
  take(arrival) {
    const one = { arrival, item: arrivalItem(arrival) };
    const after = this.arrived.findIndex(other => other.arrival.at <= arrival.at);
    this.arrived.splice(after < 0 ? this.arrived.length : after, 0, one);
    for (const old of this.arrived.splice(MOST)) old.item.remove();
    if (this.shows(arrival)) {
      const next = this.arrived.slice(this.arrived.indexOf(one) + 1).find(other => other.item.isConnected);
      this.list.insertBefore(one.item, next?.item ?? null);
    }
    this.drawHead();
    news(t(refused(arrival) ? 'install.refused_said' : 'install.arrived_said'));
  }

  /** @param {any} arrival */
  shows(arrival) {
    if (this.wanted === REFUSED) return refused(arrival);
    return !this.wanted || sourceOf(arrival) === this.wanted;
  }

  draw() {
    replace(
      this.list,
      this.arrived.filter(one => this.shows(one.arrival)).map(one => one.item),
    );
    this.drawHead();
  }

  drawHead() {
    const all = this.arrived.map(one => one.arrival);
    this.none.hidden = this.list.childElementCount > 0;
    setText(this.sub, all.length ? tn('install.seen', all.length) : t('install.waiting'));
    /** @type {[string, string, number][]} */
    const tabs = [
      ['', t('install.all'), all.length],
      [REFUSED, t('install.only_refused'), all.filter(refused).length],
      ...[...new Set(all.map(sourceOf))].sort().map(name => [name, name, all.filter(one => sourceOf(one) === name).length]),
    ];
    const shown = JSON.stringify([tabs, this.wanted]);
    if (shown === this.tabsShown) return;
    this.tabsShown = shown;
    const focused = this.tabs.contains(document.activeElement);
    replace(
      this.tabs,
      tabs.map(([wanted, name, count]) =>
        h(
          'button',
          {
            type: 'button',
            'data-source': wanted,
            'aria-pressed': String(wanted === this.wanted),
            onclick: () => this.choose(wanted),
          },
          name,
          h('span', { class: 'c' }, count.toLocaleString(locale)),
        ),
      ),
    );
    if (focused) /** @type {HTMLElement | null} */ (this.tabs.querySelector('[aria-pressed=true]'))?.focus();
  }

  /** @param {string} wanted */
  choose(wanted) {
    this.wanted = wanted;
    this.draw();
    say(tn('install.seen', this.list.childElementCount));
  }
}

start(new InstallPage());
