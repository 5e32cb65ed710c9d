// How each tracker is pointed at LeadHeat: the one host name that changes, and the key as its protocol carries it.

/** @param {string} host */
const address = host => `${location.protocol}${'//'}${host}`;

/**
 * Name, key as the gateway is told it (in LEADHEAT_WRITE_KEYS), and what is written where the tracker is set up.
 * @type {[string, string, (host: string) => string][]}
 */
const SNIPPETS = [
  [
    'LeadHeat, HTTP',
    'KEY',
    host =>
      `curl ${address(host)}/v1/events -H "Authorization: Bearer KEY" -H "Content-Type: application/json" \\\n` +
      `  -d '{"type": "page_view", "anonymous_id": "a-1", "properties": {"url": "/pricing"}}'`,
  ],
  [
    'LeadHeat, browser script',
    'browser:KEY',
    host => `<script async src="${address(host)}/leadheat.js" data-key="KEY"></script>`,
  ],
  [
    'Segment, analytics.js',
    'segment:KEY',
    host =>
      `AnalyticsBrowser.load(\n  { writeKey: "KEY", cdnURL: "${address(host)}" },\n` +
      `  { integrations: { "Segment.io": { apiHost: "${host}/v1", protocol: "${location.protocol.slice(0, -1)}" } } },\n)`,
  ],
  ['Segment, Python', 'KEY', host => `analytics.write_key = "KEY"\nanalytics.host = "${address(host)}"`],
  [
    'RudderStack',
    'segment:KEY',
    host => `rudderanalytics.load("KEY", "${address(host)}", { configUrl: "${address(host)}" })`,
  ],
  ['Snowplow', 'snowplow:my-site', host => `newTracker("sp1", "${address(host)}", { appId: "my-site" })`],
  [
    'PostHog',
    'posthog:phc_KEY',
    host =>
      `// the library from npm; for the HTML snippet see docs/trackers/posthog.md\n` +
      `posthog.init("phc_KEY", { api_host: "${address(host)}" })`,
  ],
  ['Matomo', 'matomo:1', host => `_paq.push(["setTrackerUrl", "${address(host)}/matomo.php"])\n_paq.push(["setSiteId", "1"])`],
  ['Mautic', 'mautic:*', host => `"${address(host)}/mtc.js"`],
  [
    'Google Analytics 4',
    'ga4:G-XXXXXXX',
    host => `gtag("config", "G-XXXXXXX", { server_container_url: "${address(host)}" })`,
  ],
];

export const trackers = SNIPPETS.map(([name]) => name);

/** @param {string} tracker @param {string} host */
export function snippet(tracker, host) {
  const [, key, text] = SNIPPETS.find(([name]) => name === tracker) ?? SNIPPETS[0];
  return { key: `LEADHEAT_WRITE_KEYS=${key}`, text: text(host) };
}
