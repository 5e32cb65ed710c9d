"""Turns settings into the configuration of each role; a role's code is imported only when it is wanted."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from deploy.errors import SettingsError
from deploy.settings import PREFIX, Settings, environment

if TYPE_CHECKING:
    from connectors.accounts.config import AccountsConfig
    from connectors.ingest.config import GatewayConfig
    from connectors.mail.smtp import SmtpAccess
    from connectors.notify.config import MailAccess, NotifyConfig
    from connectors.nurture.carrier import Carrier
    from connectors.nurture.config import NurtureConfig
    from connectors.office.config import OfficeConfig
    from connectors.office.team import Team
    from connectors.serve.config import ServeConfig
    from connectors.sync.config import SyncConfig
    from connectors.watched_file import WatchedFile
    from streams.config import WorkerConfig


def gateway(settings: Settings) -> "GatewayConfig":
    """What the gateway needs; raises SettingsError where something is missing."""
    from connectors.ingest.config import GatewayConfig
    from connectors.ingest.shape import Shape
    from connectors.ingest.webhooks.fetching import SmallFiles

    return GatewayConfig(
        kafka=settings.require_kafka(),
        topic_prefix=settings.topic_prefix,
        write_keys=settings.require_write_keys(),
        clock=settings.clock(),
        read_keys=settings.known_read_keys(),
        linger_ms=settings.linger_ms,
        max_body_bytes=settings.max_body_bytes,
        max_event_bytes=settings.max_event_bytes,
        shape=Shape(settings.event_levels, settings.max_text_bytes),
        cors_origins=settings.origins(),
        link_keys=settings.link_keys(),
        requests_per_second=settings.requests_per_second,
        requests_per_address=settings.requests_per_address,
        sources=settings.sources,
        environment=environment(),
        address_key=settings.address_secret(),
        mapping=settings.mapping,
        webhooks=settings.webhooks,
        fetch=SmallFiles(settings.allowed()),
        robots=settings.robots,
        delivery_timeout_s=settings.delivery_timeout_s,
        max_pending_bytes=settings.max_pending_bytes,
        arrivals=settings.arrivals,
        requests_at_once=settings.requests_at_once,
    )


def serve(settings: Settings) -> "ServeConfig":
    """What the read API and the board need."""
    from connectors.serve.config import ServeConfig
    from streams.config import group_name

    return ServeConfig(
        kafka=settings.require_kafka(),
        topic_prefix=settings.topic_prefix,
        redis=settings.require_redis(),
        read_keys=settings.require_read_keys(),
        grid=settings.grid,
        clock=settings.clock(),
        write_keys=settings.known_write_keys(),
        sources=settings.sources,
        environment=environment(),
        timescale=settings.scale(),
        events_kept=settings.events_kept,
        scoring_group=group_name(settings.topic_prefix),
        erasure_key=settings.erasure_secret(),
        link_keys=settings.link_keys(),
        team_file=_team_file(settings),
    )


def notify(settings: Settings) -> "NotifyConfig":
    """What the alerts' delivery needs."""
    from connectors.notify.config import NotifyConfig
    from connectors.office.team import Team

    team = _team_file(settings)
    return NotifyConfig(
        kafka=settings.require_kafka(),
        topic_prefix=settings.topic_prefix,
        channels=settings.channels,
        clock=settings.clock(),
        board_url=settings.board_url,
        language=settings.language,
        metrics_port=settings.metrics_port,
        erasure_key=settings.erasure_secret(),
        allowed=settings.allowed(),
        link_keys=_link_keys(settings),
        team=Team() if team is None else team.said,
        team_file=team,
        mail=mail(settings),
    )


def mail(settings: Settings) -> "MailAccess | None":
    """By which server alerts are mailed; None: by none. SettingsError where it is half said."""
    from connectors.notify.channels import is_mail_address
    from connectors.notify.config import MailAccess

    sender = settings.mail_from
    if sender is None or settings.mail_server() is None:
        return None
    if not is_mail_address(sender):
        raise SettingsError(
            f"{PREFIX}MAIL_FROM is no e-mail address: expected one such as leads@acme.example"
        )
    return MailAccess(_smtp(settings), sender)


def _link_keys(settings: Settings) -> tuple[str, ...]:
    from connectors.answer_links import AnswerLinks
    from connectors.signed import KeyTooShortError

    found = settings.link_keys()
    try:
        AnswerLinks(found)
    except KeyTooShortError as error:
        raise SettingsError(f"{PREFIX}LINK_KEY: {error}") from None
    return found


def _smtp(settings: Settings) -> "SmtpAccess":
    from dataclasses import replace

    from connectors.mail.smtp import SmtpAccess

    access = SmtpAccess.read(settings.mail_server() or "", settings.mail_password())
    return access if settings.smtp_ca is None else replace(access, ca=str(settings.smtp_ca))


def nurture(settings: Settings, *, alone: bool = True) -> "NurtureConfig":
    """What sequences and surveys need; PlanError where their file is wrong.

    `alone`: nobody else (`leadheat up`) finds Kafka, says where the gateway is, and makes a key.
    """
    from connectors.nurture.config import NurtureConfig
    from connectors.nurture.errors import PlanError
    from connectors.nurture.plan_reader import load_plan
    from connectors.watched_file import WatchedFile

    if settings.sequences is None:
        raise SettingsError(f"{PREFIX}SEQUENCES is not set: name the file of sequences, see docs/nurture.md")
    if alone and not settings.link_keys():
        raise SettingsError(
            f"{PREFIX}LINK_KEY is not set: it signs the links to unsubscribe, as the gateway's"
        )
    if alone and settings.gateway_url is None:
        raise SettingsError(
            f"{PREFIX}GATEWAY_URL is not set: say where people's mail programs reach the gateway"
        )
    file = WatchedFile(settings.sequences, load_plan, "sequences", PlanError)
    return NurtureConfig(
        kafka=settings.require_kafka() if alone else "",
        topic_prefix=settings.topic_prefix,
        plan=file.read(),
        plan_file=file,
        carrier=_carrier(settings),
        gateway_url=settings.gateway_url or "",
        clock=settings.clock(),
        link_keys=settings.link_keys(),
        erasure_key=settings.erasure_secret(),
        metrics_port=settings.metrics_port,
    )


def _carrier(settings: Settings) -> "Callable[[], Carrier]":
    """Who carries mails; SettingsError where nobody, or both, are named."""
    from connectors.mail.smtp import SmtpCarrier
    from connectors.nurture.provider import ProviderCarrier

    server, provider = settings.mail_server(), settings.mail_provider
    if (server is None) == (provider is None):
        raise SettingsError(
            f"name who carries mails: either {PREFIX}SMTP, a mail server, or {PREFIX}MAIL_PROVIDER"
        )
    if server is not None:
        access = _smtp(settings)
        return lambda: SmtpCarrier(access)
    token = settings.provider_token()
    if token is None or provider is None:
        raise SettingsError(f"{PREFIX}MAIL_TOKEN is not set: expected the key of {provider}")
    allowed, clock = settings.allowed(), settings.clock()
    return lambda: ProviderCarrier(provider, token, allowed, clock)


def office(settings: Settings) -> "OfficeConfig":
    """What assignments and tasks need; TeamError where the team file is wrong."""
    from connectors.office.config import OfficeConfig
    from connectors.office.team import Team

    team = _team_file(settings)
    return OfficeConfig(
        kafka=settings.require_kafka(),
        topic_prefix=settings.topic_prefix,
        team=Team() if team is None else team.said,
        team_file=team,
        clock=settings.clock(),
        erasure_key=settings.erasure_secret(),
    )


def _team_file(settings: Settings) -> "WatchedFile[Team] | None":
    """The team's file, read; TeamError where it is wrong."""
    from connectors.office.errors import TeamError
    from connectors.office.team import load_team
    from connectors.watched_file import WatchedFile

    if settings.team is None:
        return None
    file = WatchedFile(settings.team, load_team, "team", TeamError)
    file.read()
    return file


def sync(settings: Settings, *, kafka: bool = True) -> "SyncConfig":
    """What keeping CRMs in step needs; without `kafka` what a look at them does."""
    from connectors.sync.config import SyncConfig

    return SyncConfig(
        kafka=settings.require_kafka() if kafka else "",
        topic_prefix=settings.topic_prefix,
        file=settings.require_sync(),
        grid=settings.grid,
        clock=settings.clock(),
        partitions=settings.partitions,
        environment=environment(),
        erasure_key=settings.erasure_secret(),
        allowed=settings.allowed(),
        metrics_port=settings.metrics_port,
        session_timeout_s=settings.session_timeout_s,
    )


def accounts(settings: Settings) -> "AccountsConfig":
    """What the keeping of accounts needs."""
    from connectors.accounts.config import AccountsConfig

    return AccountsConfig(
        kafka=settings.require_kafka(),
        topic_prefix=settings.topic_prefix,
        grid=settings.grid,
        clock=settings.clock(),
        metrics_port=settings.metrics_port,
        session_timeout_s=settings.session_timeout_s,
    )


def worker(settings: Settings) -> "WorkerConfig":
    """What scoring needs."""
    from streams.config import WorkerConfig

    return WorkerConfig(
        kafka=settings.require_kafka(),
        topic_prefix=settings.topic_prefix,
        grid=settings.grid,
        clock=settings.clock(),
        partitions=settings.partitions,
        remembered_ids=settings.remembered_ids,
        forget_after=settings.forget_after_us(),
        session_timeout_s=settings.session_timeout_s,
        standbys=settings.standbys,
        instance=settings.instance,
        fetch_wait_ms=settings.fetch_wait_ms,
        metrics_port=settings.metrics_port,
        store=settings.store_folder(),
    )
