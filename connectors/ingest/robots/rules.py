"""What tells a robot from a person: the rules of a file, each with its figures and its weight."""

from collections.abc import Iterator
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from connectors.ingest.errors import ConfigError
from connectors.ingest.robots.hits import MOST_TOGETHER
from scorer.durations import parse_duration
from scorer.errors import Problem
from scorer.times import Micros, micros
from scorer.yaml_file import YamlFile, show

STANDARD: Final = Path(__file__).parent / "standard.yml"


def _duration(value: object) -> Micros:
    if not isinstance(value, str):
        raise ValueError("expected a duration with its unit, such as 10s")
    return micros(parse_duration(value))


def _range(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"{error}: expected a range such as 192.0.2.0/24") from None
    return text


Duration = Annotated[int, BeforeValidator(_duration)]
"""Microseconds, written as a grid's durations are."""
Count = Annotated[int, Field(ge=2, le=MOST_TOGETHER)]
Word = Annotated[str, Field(min_length=1, max_length=500)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rule(_Model):
    """One sign: an event that shows it counts this much more as a robot's; 0: the rule is off."""

    weight: float = Field(ge=0, le=100)


class Within(Rule):
    """A sign of what happens close together."""

    within: Duration


class Links(Within):
    """Of several links of one message."""

    links: Count


class Activities(Within):
    """Of several different things that one lead did with one message."""

    activities: Count


class Leads(Within):
    """Of clicks for several leads of one domain from one address."""

    leads: Count


class Honeypot(Rule):
    """A link that nobody can see, by its mark or its address; it speaks for the clicks around it too."""

    around: Duration
    links: tuple[Word, ...]


class Agents(Rule):
    """User agents that are exactly one of these."""

    agents: tuple[Word, ...]


class Words(Rule):
    """User agents with one of these words in them, in any case."""

    words: tuple[Word, ...]


class BeforeDelivery(Rule):
    """A click up to so long before the delivery, or until so soon after it."""

    until: Duration
    before: Duration


class Rules(_Model):
    """Every rule, by its name as an event's `context.bot_reasons` tells it."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    machine_open: Rule
    machine_click: Rule
    apple_privacy_open: Agents
    head_request: Rule
    honeypot: Honeypot
    crawler_agent: Rule
    scanner_agent: Words
    empty_agent: Rule
    scanner_network: Rule
    cloud_network: Rule
    before_delivery: BeforeDelivery
    soon_after_delivery: Within
    same_second: Activities
    all_links: Links
    burst: Links
    many_leads: Leads
    link_check: Within

    def weights(self) -> dict[str, float]:
        """The weight of each rule, by its name."""
        return {name.replace("_", "-"): getattr(self, name).weight for name in type(self).model_fields}


class Window(_Model):
    """How long, and how many, mail events are remembered."""

    lasts: Duration = Field(alias="for")
    events: int = Field(ge=100, le=1_000_000)


class AgentLists(_Model):
    """User agents that are known, beside the package's."""

    image_proxies: tuple[Word, ...]


class Network(_Model):
    """Addresses of one owner: a list of the package, or ranges."""

    kind: Literal["scanner", "cloud", "people"]
    list: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,100}$")] | None = None
    ranges: tuple[Annotated[str, AfterValidator(_range)], ...] = ()
    source: str | None = None
    as_of: date | None = None

    @model_validator(mode="after")
    def _has_addresses(self) -> "Network":
        if (self.list is None) == (not self.ranges):
            raise ValueError("expected either a list of the package or ranges")
        return self


class Robots(_Model):
    """All that the judge is told."""

    robots: Word
    version: int = Field(ge=0)
    threshold: float = Field(gt=0, le=100)
    window: Window
    rules: Rules
    agents: AgentLists
    networks: dict[Word, Network]

    @property
    def edition(self) -> str:
        """By which rules it was judged."""
        return f"{self.robots}/{self.version}"


def load_rules(path: Path | None = None) -> Robots:
    """The rules of a file, the standard's where it says nothing; ConfigError with all that is wrong in it.

    >>> load_rules().rules.burst.links, load_rules().edition
    (3, 'standard/1')
    """
    standard = YamlFile(STANDARD.read_text(encoding="utf-8"), STANDARD.name)
    if path is None:
        return Robots.model_validate(standard.data)
    try:
        file = YamlFile(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: no UTF-8: {error}") from error
    problems = list(file.problems)
    if not problems and not isinstance(file.data, dict):
        problems = [Problem(file.name, 1, "file", "expected the fields of rules, such as rules and networks")]
    if not problems:
        required = [name for name in ("robots", "version") if name not in file.data]
        problems = [
            Problem(file.name, 1, name, "missing: an event names the rules it was judged by")
            for name in required
        ]
    if not problems:
        try:
            return Robots.model_validate(_over(standard.data, file.data, "networks"))
        except ValidationError as error:
            problems = list(_problems(file, error))
    raise ConfigError("\n".join(map(str, sorted(problems, key=lambda one: one.line))))


def _over(standard: Any, own: Any, *whole: str) -> Any:
    """The standard with what a file says otherwise; lists, and each of what is in `whole`, as one."""
    if not (isinstance(standard, dict) and isinstance(own, dict)):
        return own
    found = {**standard}
    for name, value in own.items():
        if name in whole and isinstance(value, dict):
            found[name] = {**standard[name], **value}
        else:
            found[name] = _over(standard.get(name), value)
    return found


def _problems(file: YamlFile, error: ValidationError) -> Iterator[Problem]:
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        said = one["msg"].removeprefix("Value error, ")
        yield Problem(file.name, file.line(one["loc"]), show(one["loc"]), said)
