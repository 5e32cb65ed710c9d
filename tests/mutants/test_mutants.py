"""Every mutant of the engine is red in its scenario, and the engine itself in none."""

import logging
from collections.abc import Iterator

import pytest

from tests.mutants.engine import MUTANTS
from tests.mutants.scenarios import SIMULATED, first_red

ENOUGH = range(250)
"""Seeds; most mutants are red at one of the first ten."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of workers have much to say."""
    log = logging.getLogger("streams")
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    yield
    log.setLevel(before)


@pytest.mark.parametrize("scenario", SIMULATED)
def test_the_engine_is_green(scenario: str) -> None:
    assert first_red(scenario, range(15)) is None


@pytest.mark.parametrize("name", MUTANTS)
def test_the_mutant_is_red(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant = MUTANTS[name]
    mutant.apply(monkeypatch.setattr)
    assert first_red(mutant.scenario, ENOUGH), f"nothing notices that this is broken: {mutant.breaks}"
