"""Fixtures of the read API's tests: broker, store, grid, topics, and the API itself."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.kafka_fixtures import EmbeddedBroker, embedded_broker
from tests.serve_live import GRID, Reading, Scored, Store, reading, running_store, scored


@pytest.fixture(scope="module")
def serve_broker() -> Iterator[EmbeddedBroker]:
    """One embedded broker a module; each test has topics of its own there."""
    with embedded_broker() as running:
        yield running


@pytest.fixture
def serve_store(tmp_path: Path) -> Iterator[Store]:
    """A store of the test's own."""
    with running_store(tmp_path) as running:
        yield running


@pytest.fixture
def serve_grid(tmp_path: Path) -> Path:
    """A small grid in a file of the test's own."""
    path = tmp_path / "grid.yml"
    path.write_text(GRID)
    return path


@pytest.fixture
async def topics(serve_broker: EmbeddedBroker, serve_grid: Path) -> AsyncIterator[Scored]:
    """Empty topics, and the scoring behind them."""
    async with scored(serve_broker, serve_grid) as found:
        yield found


@pytest.fixture
async def api(topics: Scored, serve_store: Store, serve_grid: Path) -> AsyncIterator[Reading]:
    """A running read API."""
    async with reading(topics, serve_store, serve_grid) as found:
        yield found
