"""Reads the mapping file: what a source calls things, where the contract's rules for names would not do.

segment:                                # the protocol
  events: {Page Engaged: page_time}     # name of an event -> type
  properties: {seconds: duration_s}     # name of a property -> ours
  traits: {jobTitle: title}
snowplow:
  heartbeat_s: 30                       # seconds on a page that each of a client's signs of life stands for
"""

from pathlib import Path
from typing import Annotated, Final

import msgspec
import yaml

from connectors.ingest.errors import ConfigError
from connectors.ingest.keys import KEYED, PROTOCOLS
from connectors.ingest.names import snake

_Type = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]*$")]
_Field = Annotated[str, msgspec.Meta(min_length=1)]


class SourceMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of one source; those of events in snake case."""

    events: dict[str, _Type] = {}
    properties: dict[str, _Field] = {}
    traits: dict[str, _Field] = {}
    heartbeat_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 10


PLAIN: Final = SourceMapping()


def load_mapping(path: Path | None) -> dict[str, SourceMapping]:
    """The mapping of each source in the file; raises ConfigError where it is wrong."""
    if path is None:
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        sources = msgspec.convert(found or {}, dict[str, SourceMapping])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: no YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{path}: {error} (expected: protocol, then events, properties, traits, heartbeat_s)"
        ) from error
    if unknown := sorted(sources.keys() - (PROTOCOLS | KEYED)):
        raise ConfigError(
            f"{path}: {unknown[0]}: no protocol: expected one of {', '.join(sorted(PROTOCOLS | KEYED))}"
        )
    return {protocol: in_snake_case(source) for protocol, source in sources.items()}


def in_snake_case(mapping: SourceMapping) -> SourceMapping:
    """The mapping with the names of its events as the gateway looks them up."""
    events = {snake(name): of_type for name, of_type in mapping.events.items()}
    return msgspec.structs.replace(mapping, events=events)
