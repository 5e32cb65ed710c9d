"""`alert: owner`: hands each alert on to the channel of whoever has the lead."""

from connectors.notify.alert import Alert
from connectors.notify.channels import OWNER
from connectors.notify.config import NotifyConfig
from connectors.notify.errors import DeliveryError
from connectors.notify.message import Message
from connectors.notify.outlet import Job, Outlet, Reports


class OwnerOutlet(Outlet):
    """Its deliveries are done once the real ones stand in rows of their own."""

    def __init__(self, config: NotifyConfig, reports: Reports) -> None:
        super().__init__(OWNER, config.lanes, _Nothing(), config, reports)

    async def _send(self, job: Job) -> None:
        alert = Alert.read(bytes(job.row.alert))
        person = await self._reports.person(job, alert)
        if person is None:
            raise DeliveryError("the lead is assigned to nobody: the play needs an `assign`", retriable=False)
        if person.channel is None:
            raise DeliveryError(f"{person.id} has no `channel` in the team file", retriable=False)
        await self._reports.hand_on(job, alert, person.channel)


class _Nothing:
    async def send(self, alert: Alert, message: Message) -> None:
        """Sends nothing by itself."""

    async def close(self) -> None:
        """Holds nothing open."""
