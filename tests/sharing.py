"""Which tests run at once where processes share them: whole files, the longest first, one fault at a time."""

from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

FAULTS: Final = "tests/faults/"
"""Each fills the machine: two at once would wait for each other, and prove no more."""
MUTANTS: Final = "tests/mutants/"
"""Minutes in one file, whose tests share nothing."""
LONGEST: Final = (FAULTS, "tests/integration/", "tests/e2e/", MUTANTS, "tests/properties/")
"""Folders in their order: what is left at the end, when a process may have nothing to do, is short."""


class Sharing(LoadScopeScheduling):
    """Hands out tests by `unit_of`, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """What a test is handed out with.

    >>> unit_of("tests/unit/test_a.py::test_b[::1]"), unit_of("tests/faults/test_f1.py::test_f1")
    ('tests/unit/test_a.py', 'tests/faults/')
    >>> unit_of("tests/mutants/test_mutants.py::test_a")
    'tests/mutants/test_mutants.py::test_a'
    """
    if nodeid.startswith(FAULTS):
        return FAULTS
    return nodeid if nodeid.startswith(MUTANTS) else nodeid.partition("::")[0]


def rank(item: pytest.Item) -> int:
    """The place of a test's folder among the longest; others come last."""
    folders = (place for place, folder in enumerate(LONGEST) if item.nodeid.startswith(folder))
    return next(folders, len(LONGEST))
