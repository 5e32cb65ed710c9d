"""What the read API is told at its start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from connectors.office.team import Team
from connectors.watched_file import WatchedFile
from scorer.times import Micros
from scorer.timescale import Timescale


@dataclass(frozen=True)
class ServeConfig:
    """Settings of the read API; `clock` gives the moment that scores are faded to."""

    kafka: str
    topic_prefix: str
    redis: str
    read_keys: tuple[str, ...]
    grid: Path
    clock: Callable[[], Micros]
    write_keys: tuple[str, ...] = ()
    """Known only so that a write key offered here is answered 403 (wrong kind) and not 401."""
    sources: Path | None = None
    """The gateway's, for the write keys in it, which are answered the same."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Where the sources file finds its `{env: NAME}`."""
    timescale: Timescale | None = None
    events_kept: int = 5_000
    """Of one identity, the newest by their time; a timeline reaches back as far."""
    scoring_group: str | None = None
    """Consumer group of the scoring, whose offsets tell how far facts are counted; None: that isn't told."""
    link_keys: tuple[str, ...] = ()
    """What the links are signed with by which alerts are answered; without any, no link is good."""
    erasure_key: bytes = b""
    """What ids of erased people are hashed with."""
    team_file: WatchedFile[Team] | None = None
    """Who the people are that have leads; without it they are shown by their ids."""
    stream_kept: int = 10_000
    """Facts that a client of the event stream may be behind and still resume; some 20 MB of redis."""
