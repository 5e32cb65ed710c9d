"""The start refuses a Faust that is not as its known faults demand."""

from importlib import metadata
from pathlib import Path
from typing import Any

import faust.streams
import pytest

from scorer.times import Micros
from streams import app, safe_faust
from streams.config import WorkerConfig
from streams.errors import StartError


@pytest.fixture
async def ours() -> Any:
    """The application of a worker that is not started."""
    return app._faust_app(WorkerConfig("127.0.0.1:9", "test", Path("grid.yml"), lambda: Micros(0)))


async def test_ours_is_safe(ours: Any) -> None:
    safe_faust.require(ours)


async def test_refuses_without_the_c_extension(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust.streams, "_CStreamIterator", None)
    with pytest.raises(StartError, match="C extension is missing"):
        safe_faust.require(ours)


async def test_refuses_what_was_not_tested(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "9.9")
    with pytest.raises(StartError, match=r"faust-streaming 9\.9 is installed, 0\.15\.3 is what was tested"):
        safe_faust.require(ours)


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("web_enabled", True, "HTTP port"),
        ("value_serializer", "pickle", "run code from a topic"),
        ("producer_threaded", True, "threaded producer"),
        ("topic_allow_declare", True, "create topics"),
    ],
)
@pytest.mark.filterwarnings("ignore::faust.types.settings.base.AlreadyConfiguredWarning")
async def test_refuses_settings_that_lose_or_leak(ours: Any, setting: str, value: object, told: str) -> None:
    setattr(ours.conf, setting, value)
    with pytest.raises(StartError, match=told):
        safe_faust.require(ours)
