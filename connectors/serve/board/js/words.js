// What happened, in words: events, sources, reasons.
import { took } from './format.js';
import { humanize } from './grid.js';
import { has, t } from './texts.js';

/** The name of what an event was about: a title, or the last part of the address. @param {Record<string, any>} properties */
function subject(properties) {
  const { title, asset, url, link, campaign } = properties;
  if (title || asset) return String(title || asset);
  const address = url || link;
  if (!address) return campaign ? String(campaign) : '';
  try {
    return decodeURIComponent(new URL(String(address)).pathname) || '/';
  } catch {
    return String(address);
  }
}

/** @param {{type: string, title?: string, url?: string, properties?: Record<string, any>}} event */
export function eventWords(event) {
  const properties = { title: event.title, url: event.url, ...event.properties };
  const email = event.type.startsWith('email_') || event.type === 'unsubscribe';
  const what = subject(
    email
      ? {
          title: properties.title,
          campaign: properties.campaign,
          ...(event.type === 'email_click' ? { link: properties.link ?? properties.url } : {}),
        }
      : properties,
  );
  const spent = took(Number(properties.duration_s) || 0);
  const key = event.type === 'page_time' && !Number(properties.duration_s) ? 'event.page_stay' : `event.${event.type}`;
  if (!has(key)) return what ? t('event.other', { name: humanize(event.type), what }) : humanize(event.type);
  return what ? t(`${key}_of`, { what, spent }) : t(key, { spent });
}

/** @param {string | null | undefined} channel */
export const channelName = channel =>
  !channel ? '' : has(`channel.${channel}`) ? t(`channel.${channel}`) : humanize(channel);

/** The reasons that hold now: what they did, who they are, what takes points away; each largest first. @param {import('./fade.js').Reading} reading @param {import('./grid.js').Grid} grid */
export function reasons(reading, grid) {
  const order = ([id, points]) => (points <= 0 ? 2 : grid.criteria.get(id)?.kind === 'explicit' ? 1 : 0);
  return [...reading.points]
    .filter(([, points]) => Math.abs(points) >= 0.05)
    .sort((a, b) => order(a) - order(b) || Math.abs(b[1]) - Math.abs(a[1]));
}
