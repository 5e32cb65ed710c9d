"""`leadheat gateway`, `worker`, `serve`, `notify`, `accounts`, `nurture`: one role each, for production."""

import asyncio
from typing import Annotated

import typer

from deploy import collecting, ports, settings
from deploy import roles as configurations
from deploy.settings import Settings

Host = Annotated[str | None, typer.Option(help="Address to listen on [LEADHEAT_HOST, else 127.0.0.1].")]
Port = Annotated[
    int | None, typer.Option(help="Port to listen on [LEADHEAT_PORT, else 8000].", min=1, max=65535)
]


def gateway(host: Host = None, port: Port = None) -> None:
    """Take in events over HTTP."""
    loaded = _load(host=host, port=port)
    config = configurations.gateway(loaded)

    from connectors.ingest.gateway import create_app
    from deploy import http

    raise typer.Exit(http.serve(create_app(config), loaded))


def worker() -> None:
    """Score events as they come."""
    loaded = _load()
    config = configurations.worker(loaded)
    _require_metrics_port(loaded)

    from functools import partial

    from scorer.shard import Shard
    from streams.worker import run

    raise typer.Exit(run(config, partial(Shard, erasure_key=loaded.erasure_secret())))


def serve(host: Host = None, port: Port = None) -> None:
    """Serve the read API and the board over HTTP."""
    loaded = _load(host=host, port=port)
    config = configurations.serve(loaded)

    from connectors.serve.app import create_app
    from deploy import http

    app = create_app(config)
    raise typer.Exit(http.serve(app, loaded, app.state.end_streams))


def notify() -> None:
    """Deliver alerts to their channels, assign leads, keep tasks."""
    loaded = _load()
    config, office = configurations.notify(loaded), configurations.office(loaded)
    _require_metrics_port(loaded)

    from deploy.acting import run

    collecting.settle()
    asyncio.run(run(config, office))


def nurture() -> None:
    """Send sequences of mails and surveys."""
    loaded = _load()
    config = configurations.nurture(loaded)
    _require_metrics_port(loaded)

    from connectors.nurture.role import run

    collecting.settle()
    asyncio.run(run(config))


def accounts() -> None:
    """Keep accounts: companies as the leads that work there."""
    loaded = _load()
    config = configurations.accounts(loaded)
    _require_metrics_port(loaded)

    from connectors.accounts.keeper import run

    collecting.settle()
    asyncio.run(run(config))


def _require_metrics_port(loaded: Settings) -> None:
    if loaded.metrics_port is not None:
        everywhere = "0.0.0.0"  # noqa: S104 (a container's Prometheus comes from outside)
        ports.require_free(everywhere, loaded.metrics_port, "/metrics", f"{settings.PREFIX}METRICS_PORT")


def _load(**given: object) -> Settings:
    from deploy import logs

    loaded = settings.load(**given)
    logs.configure(loaded)
    return loaded
