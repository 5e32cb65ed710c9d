// Sets language and theme before the first paint: a classic script, since modules run too late for that.
(() => {
  const root = document.documentElement;
  /** @param {string} key */
  const kept = key => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const asked = new URLSearchParams(location.search).get('lang');
  const known = lang => lang === 'fr' || lang === 'en';
  if (known(asked)) {
    try {
      localStorage.setItem('leadheat.lang', asked);
    } catch {
      /* private window: this page only */
    }
  }
  const browser = navigator.languages.map(tag => tag.slice(0, 2).toLowerCase()).find(known);
  root.lang = [asked, kept('leadheat.lang'), browser].find(known) ?? 'en';
  const theme = kept('leadheat.theme');
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
})();
