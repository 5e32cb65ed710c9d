"""Which children `leadheat up` runs, in which order, on which others, and what they are told."""

from dataclasses import replace
from pathlib import Path

import pytest

from deploy import keys
from deploy.children import Machine, children
from deploy.data_folder import DataFolder
from deploy.durable import Durable
from deploy.greeting import farewell, greeting
from deploy.kafka.node import Node
from scorer.grid import load_grid
from scorer.times import Micros
from scorer.timescale import Timescale

pytestmark = pytest.mark.embedded

_GRID = Path(__file__).parents[2] / "deploy" / "grids" / "b2b-fr.yml"
_EMBEDDED = Machine(
    kafka="127.0.0.1:9092",
    redis="unix:///run/store.sock",
    embedded_kafka_port=9092,
    embedded_store=True,
    host="127.0.0.1",
    port=8000,
    grid=_GRID,
    channels=None,
    write_keys=("wk_canary", "matomo:*"),
    read_keys=("rk_canary",),
    link_keys=(),
    partitions=2,
    session_timeout_s=6.0,
    folder=Path("/run"),
)
_REAL = replace(_EMBEDDED, kafka="kafka:9092", embedded_kafka_port=None, embedded_store=False)


async def _nothing() -> None:
    """No topics to make."""


def _named(machine: Machine) -> dict[str, tuple[str, ...]]:
    return {child.name: child.feeds for child in children(machine, _nothing)}


def test_each_child_starts_after_what_it_lives_on() -> None:
    assert _named(_EMBEDDED) == {
        "broker": ("store", "worker", "web", "notify", "accounts"),
        "store": ("web",),
        "worker": (),
        "web": (),
        "notify": (),
        "accounts": (),
    }


def test_what_is_real_is_not_embedded() -> None:
    assert list(_named(_REAL)) == ["worker", "web", "notify", "accounts"]
    assert _named(replace(_EMBEDDED, embedded_store=False))["broker"] == (
        "worker",
        "web",
        "notify",
        "accounts",
    )


def test_the_demonstration_is_one_more_child_on_the_same_clock() -> None:
    scale = Timescale(wall_from=Micros(0), meets=Micros(10), starts=Micros(-100)).dump()
    found = {one.name: one for one in children(replace(_EMBEDDED, demo=True, timescale=scale), _nothing)}
    assert "demo" in found["broker"].feeds
    assert found["demo"].once
    assert found["demo"].command[-2:] == ["deploy.demo.player", "http://127.0.0.1:8000"]
    for name in ("worker", "web", "notify", "accounts", "demo"):
        assert found[name].environment["LEADHEAT_TIMESCALE"] == scale


def test_sequences_are_one_more_role() -> None:
    found = {one.name: one for one in children(replace(_EMBEDDED, sequences=Path("s.yml")), _nothing)}
    assert "nurture" in found["broker"].feeds
    assert found["nurture"].command[-1] == "nurture"
    assert found["nurture"].environment["LEADHEAT_GATEWAY_URL"] == "http://127.0.0.1:8000"


def test_keys_travel_in_the_environment_only() -> None:
    for child in children(replace(_EMBEDDED, demo=True), _nothing):
        assert "canary" not in " ".join(child.command)
        assert "canary" not in repr(child)
    assert "canary" not in repr(_EMBEDDED)


def test_children_share_their_metrics_and_open_no_port_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADHEAT_METRICS_PORT", "9100")
    for child in children(_REAL, _nothing):
        assert child.environment["PROMETHEUS_MULTIPROC_DIR"] == "/run/metrics"
        assert child.environment["LEADHEAT_METRICS_PORT"] == ""


@pytest.mark.parametrize(
    ("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("10.0.0.5", "10.0.0.5")]
)
def test_the_url_is_one_that_this_machine_can_open(host: str, shown: str) -> None:
    assert replace(_REAL, host=host).url == f"http://{shown}:8000"


def test_only_what_is_embedded_is_said_to_be_gone() -> None:
    grid = load_grid(_GRID)
    assert "is gone when this stops" in greeting(_EMBEDDED, grid, 2.0)
    assert "is gone." in farewell(_EMBEDDED)
    assert "gone" not in greeting(_REAL, grid, 2.0) + farewell(_REAL)


@pytest.fixture
def kept(tmp_path: Path) -> Machine:
    """A machine whose Kafka and cache are kept; 7 is the descriptor of its folder's lock."""
    folder = DataFolder(tmp_path, lock=7, cluster="cluster")
    folder.kafka.mkdir()
    durable = Durable(folder, Node("java", Path("/jars"), folder.kafka, folder.cluster, 9092))
    return replace(_EMBEDDED, durable=durable)


def test_a_kept_machine_runs_a_kafka_that_outlasts_the_others_and_need_not_take_them_along(
    kept: Machine,
) -> None:
    found = {one.name: one for one in children(kept, _nothing)}
    assert list(found) == ["kafka", "store", "worker", "web", "notify", "accounts"]
    kafka, cache = found["kafka"], found["store"]
    assert kafka.outlasts
    assert kafka.feeds == ()
    assert kafka.holds == cache.holds == (7,)
    assert "--save 300 1" in " ".join(cache.command)
    assert "gone" not in greeting(kept, load_grid(_GRID), 2.0) + farewell(kept)


def test_the_cache_is_reached_in_the_folder_unless_that_has_too_long_a_name(kept: Machine) -> None:
    assert kept.durable is not None
    for path, store_folder in (
        (Path("/srv/a"), Path("/srv/a/store")),
        (Path("/srv/" + "é" * 50), Path("/run/store")),
    ):
        folder = replace(kept.durable.folder, path=path)
        assert replace(kept, durable=replace(kept.durable, folder=folder)).store_folder == store_folder


def test_made_keys_are_new_each_time_and_open_every_protocol() -> None:
    made, again = keys.make(), keys.make()
    first, second = made.write_keys(), again.write_keys()
    assert not {one for one in first if made.page in one} & set(second)
    assert first[0] != second[0]
    assert first[-5:] == second[-5:]
    assert {f"browser:{made.page}", f"segment:{made.page}"} <= set(first)
    assert keys.Made(made.write, "").page == made.page
    assert {"snowplow:*", "matomo:*", "ga4:*", "mautic:*", "webhook:*"} <= set(first)
    assert made.read_keys() != again.read_keys()
    assert not any(one in repr(made) for one in (made.write, made.read, made.page))
