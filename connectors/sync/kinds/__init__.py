"""The kinds of CRMs: each a module here that has a `KIND`; one more is known as soon as it is there."""

import pkgutil
from functools import cache
from importlib import import_module

from connectors.sync.crm import Kind


def names() -> list[str]:
    """What there is."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


@cache
def kind(name: str) -> Kind:
    """A kind by its name."""
    found: Kind = import_module(f"{__name__}.{name}").KIND
    return found
