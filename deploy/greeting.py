"""What `leadheat up` says when it is up, and when it has stopped."""

from typing import Final

from deploy.children import Machine
from scorer.grid import Grid

SEEN_BEFORE: Final = (
    "This Kafka had the topics already. If the sample leads were played on it before, playing them again "
    "changes nothing and alerts nobody: their events are copies. To see them anew, give them topics of "
    "their own: LEADHEAT_TOPIC_PREFIX=again"
)


def greeting(machine: Machine, grid: Grid, took_s: float) -> str:
    """Addresses and keys, one a line, name first."""
    public = [key for key in machine.write_keys if ":" in key]
    pages = dict.fromkeys(key.removeprefix("browser:") for key in public if key.startswith("browser:"))
    secret = [key for key in machine.write_keys if ":" not in key]
    rows = [
        ("board", f"{machine.url}/#key={machine.read_keys[0]}"),
        ("events", f"{machine.url}/v1/events"),
        ("kafka", machine.kafka),
        *(_kept_rows(machine)),
        ("grid", f"{grid.name}, version {grid.version} ({machine.grid})"),
        *(("write key", key) for key in secret),
        *((("protocols", " ".join(public)),) if public else ()),
        *(("page key", key) for key in pages),
        *(("read key", key) for key in machine.read_keys),
    ]
    lines = [f"LeadHeat is up, after {took_s:.1f} s; Ctrl-C stops it.", ""]
    lines += [f"  {name:<10} {value}" for name, value in rows]
    if warning := _gone(machine, "is gone when this stops"):
        lines += ["", warning]
    lines += ["", "Alerts, as they come:"]
    return "\n".join(lines)


def farewell(machine: Machine) -> str:
    """The last words."""
    if machine.durable is not None:
        return f"LeadHeat has stopped. What it holds is kept in {machine.durable.folder.path}."
    return f"LeadHeat has stopped. {_gone(machine, 'is gone')}".rstrip()


def _kept_rows(machine: Machine) -> list[tuple[str, str]]:
    if machine.durable is None:
        return []
    rows = [("data", str(machine.durable.folder.path))]
    return [("redis", machine.redis), *rows] if machine.embedded_store else rows


def _gone(machine: Machine, when: str) -> str:
    if machine.embedded_kafka_port is None or machine.durable is not None:
        return ""
    return (
        f"The embedded broker keeps everything in memory: what it holds (events, scores, alerts) {when}. "
        "To keep it, name a folder with --data (which needs Java), or a real Kafka with --kafka."
    )
