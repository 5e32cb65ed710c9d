"""What nurturing is told at its start."""

from collections.abc import Callable
from dataclasses import dataclass, field

from connectors.nurture.carrier import Carrier
from connectors.nurture.plan import Plan
from connectors.watched_file import WatchedFile
from scorer.times import Micros


@dataclass(frozen=True)
class NurtureConfig:
    """Settings of sequences and surveys; waits run on `clock`."""

    kafka: str
    topic_prefix: str
    plan: Plan
    carrier: Callable[[], Carrier]
    """Opens the way to whoever carries mails."""
    gateway_url: str
    """Where mail programs and people reach the gateway."""
    clock: Callable[[], Micros]
    plan_file: WatchedFile[Plan] | None = None
    """What it says, and will say, takes the place of `plan`."""
    link_keys: tuple[str, ...] = field(default=(), repr=False)
    erasure_key: bytes = field(default=b"", repr=False)
    metrics_port: int | None = None
    session_timeout_s: float = 6.0
    at_once: int = 64
    """Mails that are being handed over at a time."""
