"""Settings come from LEADHEAT_ variables and nowhere else, refuse nonsense, and keep secrets."""

import re
from pathlib import Path

import pytest

from deploy import settings
from deploy.errors import SettingsError
from scorer.times import DAY, Micros
from scorer.timescale import Timescale

_ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(f"LEADHEAT_{name.upper()}", raising=False)


def test_environment_then_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADHEAT_KAFKA", "a:9092")
    monkeypatch.setenv("LEADHEAT_PARTITIONS", "3")
    assert settings.load().kafka == "a:9092"
    assert settings.load(kafka="b:9092", partitions=None).kafka == "b:9092"
    assert settings.load(partitions=None).partitions == 3


def test_an_empty_variable_is_an_absent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADHEAT_PORT", "")
    monkeypatch.setenv("LEADHEAT_WRITE_KEYS", "")
    assert settings.load().port == 8000
    assert settings.load().write_keys is None


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADHEAT_PORT", "70000")
    monkeypatch.setenv("LEADHEAT_LOG_LEVEL", "LOUD")
    monkeypatch.setenv("LEADHEAT_TIMESCALE", "yesterday")
    with pytest.raises(SettingsError) as refused:
        settings.load()
    for name in ("LEADHEAT_PORT", "LEADHEAT_LOG_LEVEL", "LEADHEAT_TIMESCALE"):
        assert name in str(refused.value)


@pytest.mark.parametrize("name", ["kafka", "redis", "write_keys", "read_keys"])
def test_what_a_role_needs_is_asked_for_by_name(name: str) -> None:
    with pytest.raises(SettingsError, match=f"LEADHEAT_{name.upper()} is not set"):
        getattr(settings.load(), f"require_{name}")()


def test_keys_of_blanks_and_commas_are_no_keys() -> None:
    with pytest.raises(SettingsError, match="LEADHEAT_READ_KEYS"):
        settings.load(read_keys=" , ").require_read_keys()


def test_keys_are_lists_and_never_shown() -> None:
    loaded = settings.load(write_keys="wk_canary, matomo:1", redis="redis://:canary@cache/0")
    assert loaded.require_write_keys() == ("wk_canary", "matomo:1")
    assert loaded.require_redis() == "redis://:canary@cache/0"
    assert "canary" not in repr(loaded)
    assert "canary" not in str(loaded)


def test_a_wrong_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADHEAT_TIMESCALE", "canary")
    with pytest.raises(SettingsError) as refused:
        settings.load()
    assert "input_value" not in str(refused.value)


def test_the_clock_is_the_walls_unless_a_demonstration_says_otherwise() -> None:
    now = settings.wall_clock()
    assert settings.load().clock()() >= now
    scale = Timescale(wall_from=Micros(now - 1), meets=Micros(now + 10**9), starts=Micros(now - 10**13))
    assert settings.load(timescale=scale.dump()).clock()() < now - 10**12


def test_a_child_gets_this_environment_and_what_is_set_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADHEAT_PORT", "1")
    environment = settings.child_environment(port=2, redis=None)
    assert environment["LEADHEAT_PORT"] == "2"
    assert "LEADHEAT_REDIS" not in environment
    assert "PATH" in environment


def test_the_environment_is_read_in_one_place_only() -> None:
    reads = re.compile(r"\b(environ|getenv)\b")
    sources = [
        path
        for package in ("scorer", "streams", "connectors", "deploy")
        for path in _ROOT.glob(f"{package}/**/*.py")
    ]
    readers = {
        path.relative_to(_ROOT).as_posix()
        for path in sources
        if reads.search(path.read_text(encoding="utf-8"))
    }
    assert readers == {"deploy/settings.py"}


def test_where_states_are_kept_and_who_is_forgotten() -> None:
    assert settings.load().store_folder() is None
    assert settings.load(store="rocksdb:/var/lib/leadheat").store_folder() == Path("/var/lib/leadheat")
    assert settings.load().forget_after_us() == 400 * DAY
    assert settings.load(forget_after="1.5d").forget_after_us() == 129_600_000_000
    assert settings.load(forget_after="never").forget_after_us() is None
    for name, wrong in (("store", "disk"), ("store", "rocksdb:"), ("forget_after", "1h")):
        with pytest.raises(SettingsError, match=f"LEADHEAT_{name.upper()}"):
            settings.load(**{name: wrong})
    with pytest.raises(SettingsError, match="expected a number and s, m, h, d or w"):
        settings.load(forget_after="soon")


def test_days_of_single_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load().retention() == {}
    monkeypatch.setenv("LEADHEAT_RETENTION_DAYS", "page-views=30, failed = 14,alerts=0")
    assert settings.load().retention() == {"page-views": 30, "failed": 14, "alerts": 0}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("30", "'30' is no topic of these: expected page-views"),
        ("scores=30", "'scores' is no topic of these"),
        ("failed=soon", "failed: expected days from 0 to 36500, as failed=30"),
        ("failed=-1", "expected days"),
        ("failed=36501", "expected days"),
        ("failed=1,failed=2", "named twice"),
    ],
)
def test_days_that_are_none(monkeypatch: pytest.MonkeyPatch, text: str, told: str) -> None:
    monkeypatch.setenv("LEADHEAT_RETENTION_DAYS", text)
    with pytest.raises(SettingsError, match=told):
        settings.load()
