"""The command `leadheat`: its commands, and how their failures are told."""

import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer

from deploy.commands import (
    check,
    erase,
    export,
    history,
    links,
    nps,
    parked,
    replay,
    roles,
    score,
    suppressed,
    sync,
    topics,
    up,
)
from deploy.errors import telling

app = typer.Typer(
    name="leadheat",
    help="Real-time behavioural lead scoring for B2B marketing and sales, on Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command("up")(up.up)
app.command("gateway")(roles.gateway)
app.command("worker")(roles.worker)
app.command("serve")(roles.serve)
app.command("notify")(roles.notify)
app.command("accounts")(roles.accounts)
app.command("nurture")(roles.nurture)
app.command("sync")(sync.sync)
app.command("score")(score.score)
app.command("check")(check.check)
app.command("topics")(topics.topics)
app.command("links")(links.links)
app.command("nps")(nps.nps)
app.command("import")(history.import_history)
app.add_typer(parked.app)
app.add_typer(suppressed.app)
app.command("replay")(replay.replay)
app.command("erase")(erase.erase)
app.command("export")(export.export)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(installed_version("leadheat"))
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Real-time behavioural lead scoring for B2B marketing and sales, on Kafka."""


def main() -> None:
    """Runs the command line: 0 done, 1 failed or refused, 2 wrong usage."""
    sys.exit(telling(app))


if __name__ == "__main__":
    main()
