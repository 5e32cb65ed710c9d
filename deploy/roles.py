"""Turns settings into the configuration of each role; a role's code is imported only when it is wanted."""

from typing import TYPE_CHECKING

from deploy.settings import Settings, environment

if TYPE_CHECKING:
    from connectors.ingest.config import GatewayConfig
    from connectors.notify.config import NotifyConfig
    from connectors.serve.config import ServeConfig
    from connectors.sync.config import SyncConfig
    from streams.config import WorkerConfig


def gateway(settings: Settings) -> "GatewayConfig":
    """What the gateway needs; raises SettingsError where something is missing."""
    from connectors.ingest.config import GatewayConfig

    return GatewayConfig(
        kafka=settings.require_kafka(),
        topic_prefix=settings.topic_prefix,
        write_keys=settings.require_write_keys(),
        clock=settings.clock(),
        read_keys=settings.known_read_keys(),
        linger_ms=settings.linger_ms,
        max_body_bytes=settings.max_body_bytes,
        max_event_bytes=settings.max_event_bytes,
        cors_origins=settings.origins(),
        link_keys=settings.link_keys(),
        requests_per_second=settings.requests_per_second,
        requests_per_address=settings.requests_per_address,
        sources=settings.sources,
        environment=environment(),
        address_key=settings.address_secret(),
        mapping=settings.mapping,
        webhooks=settings.webhooks,
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
        timescale=settings.scale(),
        events_kept=settings.events_kept,
        scoring_group=group_name(settings.topic_prefix),
        erasure_key=settings.erasure_secret(),
        link_keys=settings.link_keys(),
    )


def notify(settings: Settings) -> "NotifyConfig":
    """What the alerts' delivery needs."""
    from connectors.notify.config import NotifyConfig

    return NotifyConfig(
        kafka=settings.require_kafka(),
        topic_prefix=settings.topic_prefix,
        channels=settings.channels,
        clock=settings.clock(),
        board_url=settings.board_url,
        language=settings.language,
        metrics_port=settings.metrics_port,
    )


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
