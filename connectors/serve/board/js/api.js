// The read API: JSON in and out, errors with their status.

export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
async function call(path, init = {}) {
  const response = await fetch(path, { credentials: 'same-origin', ...init });
  if (!response.ok) throw new ApiError(response.status, `${init.method ?? 'GET'} ${path}: ${response.status}`);
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

/** @param {string} path @param {object} body */
const post = (path, body) =>
  call(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

/** @param {Record<string, string | number | undefined>} params */
function query(params) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== '');
  return given.length ? `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}` : '';
}

const part = encodeURIComponent;

export const getGrid = () => call('/v1/grid');
export const getStatus = () => call('/v1/status');
/** @param {Record<string, string | number | undefined>} params @returns {Promise<{leads: any[], next: string | null}>} */
export const getLeads = params => call(`/v1/leads${query(params)}`);
/** @param {string} id */
export const getLead = id => call(`/v1/leads/${part(id)}`);
/** @param {Record<string, string | number | undefined>} params @returns {Promise<{accounts: any[], next: string | null}>} */
export const getAccounts = params => call(`/v1/accounts${query(params)}`);
/** @param {string} id */
export const getAccount = id => call(`/v1/accounts/${part(id)}`);
/** @param {string} id @returns {Promise<{plays: any[]}>} */
export const getAccountPlays = id => call(`/v1/accounts/${part(id)}/plays`);
/** @param {string} id @param {Record<string, number>} params */
export const getCurve = (id, params) => call(`/v1/leads/${part(id)}/curve${query(params)}`);
/** @param {string} id @returns {Promise<{plays: any[], tasks: any[], assigned: any}>} */
export const getPlays = id => call(`/v1/leads/${part(id)}/plays`);
/** @param {string} id @param {Record<string, string | number | undefined>} params */
export const getTimeline = (id, params) => call(`/v1/leads/${part(id)}/timeline${query(params)}`);
/** @param {Record<string, string | number | undefined>} [params] @returns {Promise<{alerts: any[]}>} */
export const getAlerts = (params = {}) => call(`/v1/alerts${query({ limit: 500, ...params })}`);
/** @param {string} id @param {{answer: string, note?: string, by?: string}} answer */
export const postAnswer = (id, answer) => post(`/v1/alerts/${part(id)}/answer`, answer);
/** @param {string} key */
export const signIn = key => post('/v1/session', { key });
export const signOut = () => call('/v1/session', { method: 'DELETE' });
