"""Reads the channels file: to which destinations a name such as `sales` leads."""

import base64
import binascii
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import apprise

from connectors.notify.errors import ChannelsError
from scorer.errors import Problem
from scorer.yaml_file import Path as Where
from scorer.yaml_file import YamlFile, show

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of one
_SECRET_BYTES: Final = range(24, 65)  # as Standard Webhooks asks for
_KINDS: Final = "`console`, an Apprise URL, or {webhook: URL, secret: whsec_…}"


@dataclass(frozen=True)
class Console:
    """The standard output."""

    label: str = "console"


@dataclass(frozen=True)
class Chat:
    """Anything that Apprise knows: Slack, Teams, e-mail, …"""

    url: str = field(repr=False)
    number: int = 1
    """Tells destinations apart that people would read alike, by their order in the file."""

    @property
    def label(self) -> str:
        """What people may read: such addresses hold keys."""
        return _numbered(f"chat {urlsplit(self.url).scheme}", self.number)


@dataclass(frozen=True)
class Webhook:
    """A receiver of signed POST requests."""

    url: str = field(repr=False)
    secret: str = field(repr=False)
    number: int = 1

    @property
    def label(self) -> str:
        """What people may read: no path, no query."""
        return _numbered(f"webhook {urlsplit(self.url).hostname}", self.number)


def _numbered(label: str, number: int) -> str:
    return label if number == 1 else f"{label} ({number})"


Destination = Console | Chat | Webhook
Channels = Mapping[str, tuple[Destination, ...]]


def load_channels(path: Path) -> Channels:
    """The channels of a file; ChannelsError names everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        message = f"cannot be read ({why}): expected a YAML file of channels"
        raise ChannelsError([Problem(str(path), 1, "file", message)]) from None
    return parse_channels(text, str(path))


def parse_channels(text: str, file: str) -> Channels:
    """The channels of a file's text.

    >>> parse_channels("sales: [console]", "channels.yml")
    {'sales': (Console(label='console'),)}
    """
    return _Reader(YamlFile(text, file)).channels()


class _Reader:
    """Goes through a file and notes every problem on its way."""

    def __init__(self, file: YamlFile) -> None:
        self._file = file
        self._problems = list(file.problems)

    def channels(self) -> Channels:
        found = {}
        if not self._problems:
            found = self._names(self._file.data)
        if self._problems:
            raise ChannelsError(self._problems)
        return found

    def _wrong(self, where: Where, message: str) -> None:
        self._problems.append(Problem(self._file.name, self._file.line(where), show(where), message))

    def _names(self, data: Any) -> dict[str, tuple[Destination, ...]]:
        if not isinstance(data, dict) or not data:
            self._wrong((), f"expected names with their lists, such as `sales: [console]`, of {_KINDS}")
            return {}
        found = {name: self._destinations((name,), listed) for name, listed in data.items()}
        return _told_apart(found)

    def _destinations(self, where: Where, listed: Any) -> tuple[Destination, ...]:
        if not isinstance(listed, list):
            self._wrong(where, f"expected a list, such as [console], of {_KINDS}")
            return ()
        found = (self._destination((*where, index), one) for index, one in enumerate(listed))
        return tuple(dict.fromkeys(one for one in found if one is not None))

    def _destination(self, where: Where, told: Any) -> Destination | None:
        if told == "console":
            return Console()
        if isinstance(told, dict):
            return self._webhook(where, told)
        if isinstance(told, str) and apprise.Apprise.instantiate(told, suppress_exceptions=True):
            return Chat(told)
        if isinstance(told, str) and told.startswith(("http://", "https://")):
            self._wrong(where, "Apprise knows no such service: for an address of your own, expected "
                               "{webhook: URL, secret: whsec_…}")  # fmt: skip
        else:
            self._wrong(where, f"expected {_KINDS}")
        return None

    def _webhook(self, where: Where, told: dict[str, Any]) -> Webhook | None:
        before = len(self._problems)
        for name in told.keys() - {"webhook", "secret"}:
            self._wrong((*where, name), "means nothing here: expected only `webhook` and `secret`")
        if not _is_address(told.get("webhook")):
            self._wrong((*where, "webhook"), "expected an http or https URL with a host")
        if not _is_secret(told.get("secret")):
            wanted = f"the base64 of {_SECRET_BYTES[0]} to {_SECRET_BYTES[-1]} random bytes"
            self._wrong((*where, "secret"), f"expected {SECRET_PREFIX} and {wanted}")
        if len(self._problems) > before:
            return None
        return Webhook(told["webhook"], told["secret"])


def _told_apart(channels: dict[str, tuple[Destination, ...]]) -> dict[str, tuple[Destination, ...]]:
    """The same, each destination with a label of its own: its deliveries are known by it."""
    alike: dict[str, list[Destination]] = defaultdict(list)
    for one in dict.fromkeys(one for many in channels.values() for one in many):
        alike[one.label].append(one)
    apart = {
        one: one if isinstance(one, Console) else replace(one, number=number)
        for many in alike.values()
        for number, one in enumerate(many, 1)
    }
    return {name: tuple(apart[one] for one in many) for name, many in channels.items()}


def _is_address(told: Any) -> bool:
    if not isinstance(told, str) or any(letter.isspace() for letter in told):
        return False
    try:
        split = urlsplit(told)
        return split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        return False


def _is_secret(told: Any) -> bool:
    if not isinstance(told, str) or not told.startswith(SECRET_PREFIX):
        return False
    text = told.removeprefix(SECRET_PREFIX)
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), validate=True)) in _SECRET_BYTES
    except binascii.Error:
        return False
