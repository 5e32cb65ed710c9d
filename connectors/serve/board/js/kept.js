// What the board remembers on this machine; a private window remembers nothing and still works.

/** @param {string} name @returns {string | null} */
export function recall(name) {
  try {
    return localStorage.getItem(`leadheat.${name}`);
  } catch {
    return null;
  }
}

/** @param {string} name @param {string} value */
export function keep(name, value) {
  try {
    localStorage.setItem(`leadheat.${name}`, value);
  } catch {
    /* full or forbidden: this page only */
  }
}
