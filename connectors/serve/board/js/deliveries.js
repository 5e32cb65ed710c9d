// What became of an alert at each destination, in words.
import { h } from './dom.js';
import { moment, ms } from './format.js';
import { t } from './texts.js';

const at = text => moment(ms(text));

/** @param {any} delivery */
export const became = delivery => {
  const channel = String(delivery.channel ?? '');
  switch (delivery.result) {
    case 'held':
      return t('alerts.held', { channel, at: delivery.due ? at(delivery.due) : '' });
    case 'retrying':
      return delivery.due
        ? t('alerts.retrying', { channel, at: at(delivery.due) })
        : t('alerts.asked_again', { channel, at: at(delivery.at) });
    case 'delivered':
      return t('alerts.delivered_at', { channel, at: at(delivery.at) });
    case 'waiting':
    case 'withdrawn':
      return t(`alerts.${delivery.result}`, { channel });
    default:
      return t('alerts.not_delivered', { channel });
  }
};

/** Lines on what became of an alert. @param {any} alert */
export const deliveryLines = alert =>
  (alert.deliveries ?? []).map(delivery =>
    h('p', { class: 'sm mute' }, became(delivery), delivery.reason ? h('span', { class: 'xs' }, ` · ${delivery.reason}`) : null),
  );
