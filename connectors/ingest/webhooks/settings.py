"""Reads the webhooks file: what each provider signs with, and who its messages are to.

sendgrid: {secret: MFkwEwYHKoZIzj0…}             # the verification key
mailgun: {secret: [{file: mailgun.key}, OLDKEY]} # two while a key is changed; a file is relative to this one
mandrill: {secret: KEY, url: https://leads.example.com/v1/webhooks/mandrill}
ses: {topics: ["arn:aws:sns:eu-west-3:123456789012:mail"]}
postmark: {secret: PASSWORD, lead_id: crm_id}    # of https://any:PASSWORD@…; which metadata is the lead's id
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import yaml

from connectors.ingest.errors import ConfigError
from scorer.durations import parse_duration
from scorer.times import SECOND

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: _Text


_Secret = _Text | _File


Older = Literal["v1", "v2"]
"""Signatures that a provider has replaced by a better one."""


class _Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    secret: _Secret | list[_Secret] = []
    url: _Text | None = None
    max_age: _Text | None = None
    topics: _Text | list[_Text] = []
    lead_id: _Text | list[_Text] = []
    older: list[Older] = []


class ProviderSettings(msgspec.Struct, frozen=True):
    """What is set for one provider; `max_age_us` in microseconds, None for the provider's own."""

    secrets: tuple[str, ...] = ()
    url: str | None = None
    """Under which the provider calls, where it signs that."""
    max_age_us: int | None = None
    topics: tuple[str, ...] = ()
    lead_id: tuple[str, ...] = ()
    """Names of metadata that carry the lead's id, tried before the usual ones."""
    older: tuple[Older, ...] = ()
    """Signatures that are taken from a request without the provider's newest."""


def load_settings(path: Path | None) -> Mapping[str, ProviderSettings]:
    """The settings of each provider named in the file; raises ConfigError where it is wrong."""
    if path is None:
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        told = msgspec.convert(found or {}, dict[str, _Told])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ConfigError(f"{path}: no YAML") from None  # the error would show a part of it
    except msgspec.ValidationError as error:
        expected = "provider, then secret, url, max_age, topics, lead_id, older"
        raise ConfigError(f"{path}: {error} (expected: {expected})") from None
    return {name: _settings(f"{path}: {name}", path.parent, one) for name, one in told.items()}


def _settings(where: str, folder: Path, told: _Told) -> ProviderSettings:
    secrets = told.secret if isinstance(told.secret, list) else [told.secret]
    return ProviderSettings(
        tuple(_secret(where, folder, one) for one in secrets),
        told.url,
        None if told.max_age is None else _age_us(where, told.max_age),
        tuple(_listed(told.topics)),
        tuple(_listed(told.lead_id)),
        tuple(told.older),
    )


def _listed(told: str | list[str]) -> list[str]:
    return told if isinstance(told, list) else [told]


def _secret(where: str, folder: Path, told: _Secret) -> str:
    if isinstance(told, str):
        return told
    try:
        text = (folder / told.file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"{where}: secret: {told.file}: cannot be read as text") from None
    if not text:
        raise ConfigError(f"{where}: secret: {told.file}: empty")
    return text


def _age_us(where: str, text: str) -> int:
    try:
        return round(parse_duration(text) * SECOND)
    except ValueError:
        raise ConfigError(f"{where}: max_age: expected a duration such as 5m or 9h") from None
