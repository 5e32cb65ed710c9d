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
from email_validator import EmailNotValidError, validate_email

from connectors.notify.errors import ChannelsError
from scorer.errors import Problem
from scorer.yaml_file import Path as Where
from scorer.yaml_file import YamlFile, show

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of one
_SECRET_BYTES: Final = range(24, 65)  # as Standard Webhooks asks for
_KINDS: Final = (
    "`console`, {slack: URL}, {teams: URL}, {mail: [sales@acme.example]}, {webhook: URL, secret: whsec_…}, "
    "or an Apprise URL"
)
OWNER: Final = "owner"
"""The channel that is whoever has the lead: not for the file to say."""


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


@dataclass(frozen=True)
class Slack:
    """A channel of Slack, by the address of an incoming webhook."""

    url: str = field(repr=False)
    number: int = 1

    @property
    def label(self) -> str:
        """What people may read: the address is a key."""
        return _numbered("slack", self.number)


@dataclass(frozen=True)
class Teams:
    """A channel or chat of Microsoft Teams, by the address of a workflow."""

    url: str = field(repr=False)
    number: int = 1

    @property
    def label(self) -> str:
        """What people may read: the address is a key."""
        return _numbered("teams", self.number)


@dataclass(frozen=True)
class Mailbox:
    """Somebody's address."""

    to: str = field(repr=False)
    number: int = 1

    @property
    def label(self) -> str:
        """What people may read: whose address it is does not stand in logs."""
        return _numbered(f"mail {self.to.rpartition('@')[2].lower()}", self.number)


@dataclass(frozen=True)
class Owner:
    """Whoever has the lead; no file names it."""

    label: str = OWNER


def _numbered(label: str, number: int) -> str:
    return label if number == 1 else f"{label} ({number})"


Destination = Console | Chat | Slack | Teams | Mailbox | Webhook | Owner
Channels = Mapping[str, tuple[Destination, ...]]


def load_channels(path: Path, *, mails: bool = True) -> Channels:
    """The channels of a file; ChannelsError names everything that is wrong with it.

    `mails`: there is a server that takes them.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        message = f"cannot be read ({why}): expected a YAML file of channels"
        raise ChannelsError([Problem(str(path), 1, "file", message)]) from None
    return parse_channels(text, str(path), mails=mails)


def parse_channels(text: str, file: str, *, mails: bool = True) -> Channels:
    """The channels of a file's text.

    >>> parse_channels("sales: [console]", "channels.yml")
    {'sales': (Console(label='console'),)}
    """
    return _Reader(YamlFile(text, file), mails).channels()


class _Reader:
    """Goes through a file and notes every problem on its way."""

    def __init__(self, file: YamlFile, mails: bool) -> None:
        self._file = file
        self._mails = mails
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
        if OWNER in data:
            self._wrong((OWNER,), "means whoever has the lead, by the team file: expected another name")
        found = {name: self._destinations((name,), listed) for name, listed in data.items()}
        return _told_apart(found)

    def _destinations(self, where: Where, listed: Any) -> tuple[Destination, ...]:
        if not isinstance(listed, list):
            self._wrong(where, f"expected a list, such as [console], of {_KINDS}")
            return ()
        found = (self._destinations_of((*where, index), one) for index, one in enumerate(listed))
        return tuple(dict.fromkeys(one for many in found for one in many))

    def _destinations_of(self, where: Where, told: Any) -> tuple[Destination, ...]:
        """What an entry of a list leads to; several addresses of mail are a destination each."""
        if told == "console":
            return (Console(),)
        if isinstance(told, dict):
            if "mail" in told:
                return self._mailboxes(where, told)
            for name, kind in _HOOKS.items():
                if name in told:
                    return self._hook(where, told, name, kind)
            found = self._webhook(where, told)
            return () if found is None else (found,)
        if isinstance(told, str) and apprise.Apprise.instantiate(told, suppress_exceptions=True):
            return (Chat(told),)
        if isinstance(told, str) and told.startswith(("http://", "https://")):
            self._wrong(where, "Apprise knows no such service: for an address of your own, expected "
                               "{webhook: URL, secret: whsec_…}")  # fmt: skip
        else:
            self._wrong(where, f"expected {_KINDS}")
        return ()

    def _only(self, where: Where, told: dict[str, Any], name: str) -> None:
        for other in told.keys() - {name}:
            self._wrong((*where, other), f"means nothing here: expected only `{name}`")

    def _hook(
        self, where: Where, told: dict[str, Any], name: str, kind: "type[Slack] | type[Teams]"
    ) -> tuple[Destination, ...]:
        self._only(where, told, name)
        url = told[name]
        if not _is_address(url):
            self._wrong((*where, name), f"expected the http or https URL that {name} gave you")
            return ()
        return (kind(url),)

    def _mailboxes(self, where: Where, told: dict[str, Any]) -> tuple[Destination, ...]:
        self._only(where, told, "mail")
        if not self._mails:
            self._wrong(where, "LEADHEAT_SMTP and LEADHEAT_MAIL_FROM say how mails are sent: set both")
        listed = told["mail"]
        if not isinstance(listed, list) or not listed:
            self._wrong((*where, "mail"), "expected a list of addresses, such as [sales@acme.example]")
            return ()
        for index, one in enumerate(listed):
            if not is_mail_address(one):
                self._wrong((*where, "mail", index), "expected an e-mail address, such as sales@acme.example")
        return tuple(Mailbox(one) for one in listed if is_mail_address(one))

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


_HOOKS: Final[dict[str, "type[Slack] | type[Teams]"]] = {"slack": Slack, "teams": Teams}


def is_mail_address(told: Any) -> bool:
    """Whether something can be written to by mail."""
    if not isinstance(told, str):
        return False
    try:
        validate_email(told, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return told.isascii()


def _told_apart(channels: dict[str, tuple[Destination, ...]]) -> dict[str, tuple[Destination, ...]]:
    """The same, each destination with a label of its own: its deliveries are known by it."""
    alike: dict[str, list[Destination]] = defaultdict(list)
    for one in dict.fromkeys(one for many in channels.values() for one in many):
        alike[one.label].append(one)
    apart = {
        one: one if isinstance(one, Console | Owner) else replace(one, number=number)
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
