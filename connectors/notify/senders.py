"""Opens the way to a destination."""

from collections.abc import Mapping

from connectors.notify.channels import (
    OWNER,
    Channels,
    Chat,
    Console,
    Destination,
    Mailbox,
    Owner,
    Slack,
    Teams,
)
from connectors.notify.chat import ChatSender
from connectors.notify.config import NotifyConfig
from connectors.notify.console import ConsoleSender
from connectors.notify.errors import NotifyError
from connectors.notify.mail import MailSender
from connectors.notify.outlet import Outlet, Reports, Sender
from connectors.notify.owner import OwnerOutlet
from connectors.notify.post import PostSender
from connectors.notify.slack import slack_message
from connectors.notify.teams import teams_message
from connectors.notify.webhook import WebhookSender
from connectors.outward.client import OutwardClient


def open_outlets(channels: Channels | None, config: NotifyConfig, reports: Reports) -> Mapping[str, Outlet]:
    """An outlet for each destination, by its label."""
    found = {Console()} if channels is None else {one for many in channels.values() for one in many}
    outlets: dict[str, Outlet] = {one.label: _open_outlet(one, config, reports) for one in found}
    if config.team.people:
        outlets[OWNER] = OwnerOutlet(config, reports)
    return outlets


def _open_outlet(one: Destination, config: NotifyConfig, reports: Reports) -> Outlet:
    sender = open_sender(one, config)
    lanes = (
        1 if isinstance(one, Console) else sender.lanes if isinstance(sender, ChatSender) else config.lanes
    )
    return Outlet(one.label, lanes, sender, config, reports)


def open_sender(destination: Destination, config: NotifyConfig) -> Sender:
    """The way to a destination."""
    if isinstance(destination, Console):
        return ConsoleSender()
    if isinstance(destination, Chat):
        return ChatSender(destination.url, config.allowed, config.lanes)
    if isinstance(destination, Mailbox):
        if config.mail is None:
            raise NotifyError("there is no server for mails")  # the channels file was read without it
        return MailSender(destination.to, config.mail, config.clock, config.timeout_s)
    if isinstance(destination, Owner):
        raise NotifyError("whoever has the lead has an outlet of its own")
    client = OutwardClient(config.allowed, total_s=config.timeout_s)
    if isinstance(destination, Slack):
        return PostSender("Slack", destination.url, slack_message, client, config.clock)
    if isinstance(destination, Teams):
        return PostSender("Teams", destination.url, teams_message, client, config.clock)
    return WebhookSender(destination.url, destination.secret, client, config.clock)
