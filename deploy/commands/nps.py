"""`leadheat nps`: what customers answered to surveys, by tier, and how it goes with their scores."""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from deploy.commands.on_kafka import Kafka, answering
from deploy.errors import DeployError
from scorer.errors import EventError
from scorer.event import Event, decode
from scorer.nps import Line, Report, answers, report
from scorer.topics import OUTCOMES, full_name


class AnswersError(DeployError):
    """Answers that cannot be read."""


def nps(
    events: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[EVENTS.jsonl…]", help="Files of events; without any, Kafka's are read."),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Group by the tier, or by a property such as survey.")
    ] = "tier",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a table.")
    ] = False,
    kafka: Kafka = None,
) -> None:
    """Show the NPS by tier, and its correlation with the score.

    Tier and score are those at the time the survey was sent. Status 1 where nobody has answered.
    """
    found = report(answers(_of_files(events) if events else _of_kafka(kafka), by))
    if as_json:
        typer.echo(msgspec.json.encode(_plain(found)).decode())
    else:
        typer.echo("\n".join(_table(found, by)))
    raise typer.Exit(0 if found.total else 1)


def _of_files(paths: Iterable[Path]) -> Iterator[Event]:
    for path in paths:
        try:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        try:
                            yield decode(line)
                        except EventError as error:
                            raise AnswersError(f"{path}:{number}: {error}") from None
        except OSError as error:
            raise AnswersError(f"{path} cannot be read: {error.strerror}") from None


def _of_kafka(kafka: str | None) -> list[Event]:
    from deploy.privacy.topic_log import read_all

    loaded = answering(kafka)
    address = loaded.require_kafka()

    async def read() -> list[Event]:
        found = []
        async for record in read_all(address, full_name(loaded.topic_prefix, OUTCOMES)):
            try:
                found.append(decode(record.value or b""))
            except EventError:
                continue  # the worker says so
        return found

    return asyncio.run(read())


def _table(found: Report, by: str) -> Iterator[str]:
    if found.total is None:
        yield "nobody has answered yet"
        return
    yield f"{by:<16}{'answers':>9}{'promoters':>11}{'detractors':>12}{'mean':>7}{'NPS':>7}"
    for line in (*found.groups, found.total):
        told = f"{line.group:<16}{line.answers:>9}{line.promoters:>11}{line.detractors:>12}"
        yield f"{told}{line.mean:>7.1f}{line.nps:>+7.0f}"
    if found.correlation is None:
        yield f"correlation with the score: too few answers with one ({found.pairs}), or all the same"
    else:
        yield f"correlation with the score (Spearman, {found.pairs} answers): {found.correlation:+.2f}"


def _plain(found: Report) -> dict[str, object]:
    def line(one: Line) -> dict[str, object]:
        return {**msgspec.to_builtins(one), "nps": one.nps}

    return {
        "total": None if found.total is None else line(found.total),
        "groups": [line(one) for one in found.groups],
        "correlation": found.correlation,
        "pairs": found.pairs,
    }
