// A link that carries its read key, `/#key=…`, as `leadheat up` prints it: signs in and drops the key.
import { signIn } from './api.js';

/** @returns {Promise<boolean>} whether the link had a key, and it was taken */
export async function enterByLink() {
  const key = new URLSearchParams(location.hash.slice(1)).get('key');
  if (!key) return false;
  // out of the address before anything else: it would stay in the history
  history.replaceState(null, '', location.pathname + location.search);
  return signIn(key).then(
    () => true,
    () => false,
  );
}
