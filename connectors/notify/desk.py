"""Hands each alert to its outlets once, and says when all of them are done with it."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

from connectors.notify.alert import Alert, AlertError
from connectors.notify.channels import Channels, Console, Destination
from connectors.notify.config import NotifyConfig
from connectors.notify.metrics import DELIVERIES
from connectors.notify.outlet import Job, Outlet
from connectors.notify.parking import Parking
from connectors.notify.progress import Progress, Ticket
from connectors.notify.routing import Delivery, route


@dataclass(eq=False)
class _Work:
    """An alert under way: the records that said it, the deliveries left."""

    id: str
    tickets: list[Ticket]
    left: int
    sent: bool = field(default=True)

    def wanted(self) -> bool:
        """Whether any of its records is still ours."""
        wanted = not all(ticket.revoked for ticket in self.tickets)
        self.sent = self.sent and wanted
        return wanted


class Desk:
    """All outlets, the alerts under way, and those remembered as sent."""

    def __init__(
        self, config: NotifyConfig, channels: Channels | None, progress: Progress, parking: Parking
    ) -> None:
        self._config = config
        self._channels = channels
        self._progress = progress
        self._parking = parking
        destinations = (
            {Console()} if channels is None else {one for many in channels.values() for one in many}
        )
        self.outlets: dict[Destination, Outlet] = {
            one: Outlet(one, config, parking.park) for one in destinations
        }
        self._under_way: dict[str, _Work] = {}
        self._asides: set[asyncio.Task[None]] = set()
        self._sent: OrderedDict[str, None] = OrderedDict()

    def take(self, ticket: Ticket, value: bytes | None) -> None:
        """Deal with one record."""
        if value is None:
            self._progress.finish(ticket)
            return
        try:
            alert = Alert.read(value)
        except AlertError as error:
            place = f"{ticket.partition.topic}/{ticket.partition.partition}/{ticket.offset}"
            parked = self._parking.park_broken(place, value, str(error))
            self._aside(parked, lambda: self._progress.finish(ticket))
            return
        deliveries = route(alert, self._channels)
        if alert.id in self._under_way:
            self._under_way[alert.id].tickets.append(ticket)
            _count_duplicates(deliveries)
        elif alert.id in self._sent:
            self._progress.finish(ticket)
            _count_duplicates(deliveries)
        else:
            self._hand_out(alert, deliveries, ticket)

    def _hand_out(self, alert: Alert, deliveries: list[Delivery], ticket: Ticket) -> None:
        work = _Work(alert.id, [ticket], len(deliveries) + 1)
        self._under_way[alert.id] = work
        for delivery in deliveries:
            if delivery.destination is None:
                reason = f"no channel {delivery.channel!r} in the channels file: add it there"
                parked = self._parking.park(alert, delivery.channel, "none", reason)
                self._aside(parked, lambda: self._finish(work))
                DELIVERIES.labels(delivery.channel, "parked").inc()
            else:
                job = Job(alert, delivery.channel, work.wanted, lambda: self._finish(work))
                self.outlets[delivery.destination].put(job)
        self._finish(work)  # the one counted for handing out

    def _aside(self, parked: Coroutine[None, None, None], then: Callable[[], None]) -> None:
        """Park beside the reading, which a broker that does not take it may not stop."""

        async def both() -> None:
            await parked
            then()

        task = asyncio.create_task(both())
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    def _finish(self, work: _Work) -> None:
        work.left -= 1
        if work.left:
            return
        del self._under_way[work.id]
        if work.sent:
            self._sent[work.id] = None
            if len(self._sent) > self._config.remembered_ids:
                self._sent.popitem(last=False)
        for ticket in work.tickets:
            self._progress.finish(ticket)

    async def close(self) -> None:
        """Give up what is under way: without its offset committed it comes again."""
        for task in (asides := tuple(self._asides)):
            task.cancel()
        await asyncio.gather(*asides, return_exceptions=True)
        for outlet in self.outlets.values():
            await outlet.close()


def _count_duplicates(deliveries: list[Delivery]) -> None:
    for delivery in deliveries:
        DELIVERIES.labels(delivery.channel, "duplicate").inc()
