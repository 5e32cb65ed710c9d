"""What the office is told at its start."""

from collections.abc import Callable
from dataclasses import dataclass

from connectors.office.team import Team
from connectors.watched_file import WatchedFile
from scorer.times import Micros


@dataclass(frozen=True)
class OfficeConfig:
    """Settings of assignments and tasks; deadlines run on `clock`."""

    kafka: str
    topic_prefix: str
    team: Team
    """Empty: leads are assigned to nobody, and tasks are everybody's."""
    clock: Callable[[], Micros]
    erasure_key: bytes = b""
    team_file: WatchedFile[Team] | None = None
    """What it says, and will say, takes the place of `team`."""
    session_timeout_s: float = 6.0
