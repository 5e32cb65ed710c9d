"""What notify is told at its start."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from connectors.mail.smtp import SmtpAccess
from connectors.office.team import Team
from connectors.outward.addresses import Allowed
from connectors.watched_file import WatchedFile
from scorer.times import Micros

Language = Literal["fr", "en"]


@dataclass(frozen=True)
class MailAccess:
    """By which server alerts are mailed, and from which address."""

    server: SmtpAccess
    sender: str


@dataclass(frozen=True)
class NotifyConfig:
    """Settings of the alerts' delivery; what is due is told by `clock`."""

    kafka: str
    topic_prefix: str
    channels: Path | None
    """None: every channel is the console. Watched, as `team_file` is."""
    clock: Callable[[], Micros]
    board_url: str | None = None
    """Messages link to the lead's page there."""
    metrics_port: int | None = None
    language: Language = "fr"
    erasure_key: bytes = b""
    allowed: Allowed = field(default_factory=Allowed)
    """Private networks that alerts may be sent to."""
    link_keys: tuple[str, ...] = field(default=(), repr=False)
    """They sign the links by which an alert is answered; none: there are no such links."""
    team: Team = field(default_factory=Team)
    team_file: WatchedFile[Team] | None = None
    """What it says, and will say, takes the place of `team`."""
    mail: MailAccess | None = None
    """None: no channel may be a mail."""
    assigned_within_s: float = 2.0
    """How long an alert waits for whom the office gives its lead to."""
    session_timeout_s: float = 6.0
    """Kafka's own minimum: the embedded broker makes a joining consumer wait for half of it."""
    timeout_s: float = 15.0
    """How long one attempt may take; Standard Webhooks: 15 to 30 s."""
    lanes: int = 8
    """Deliveries to one destination at a time, each of another lead."""
    max_waiting: int = 10_000
    """Deliveries that may wait for one destination; what comes beyond is parked."""
    stop_within_s: float = 5.0
    """How long deliveries under way may still take once the process is told to stop."""
