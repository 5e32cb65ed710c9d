"""The file that says what tells robots from people, and what is said of a wrong one."""

from pathlib import Path

import pytest

from connectors.ingest.errors import ConfigError
from connectors.ingest.robots.networks import Networks
from connectors.ingest.robots.rules import Network, load_rules
from scorer.times import SECOND


def written(folder: Path, text: str) -> Path:
    path = folder / "robots.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_says_only_what_it_wants_otherwise(tmp_path: Path) -> None:
    found = load_rules(
        written(
            tmp_path,
            "robots: ours\n"
            "version: 7\n"
            "rules:\n"
            "  burst: {links: 4}\n"
            "  all-links: {weight: 0}\n"
            "networks:\n"
            "  our-vpn: {kind: people, ranges: [203.0.113.0/24]}\n",
        )
    )
    assert found.edition == "ours/7"
    assert (found.rules.burst.links, found.rules.burst.within, found.rules.burst.weight) == (
        4,
        10 * SECOND,
        0.7,
    )
    assert found.rules.weights()["all-links"] == 0
    assert {"our-vpn", "proofpoint", "azure"} <= found.networks.keys()


OURS = "robots: ours\nversion: 1\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OURS + "rules:\n  burst: {linkz: 4}\n", "4: rules.burst.linkz: Extra inputs"),
        (OURS + "rules:\n  burst:\n    within: 10\n", "5: rules.burst.within: expected a duration"),
        (OURS + "rules:\n  burst: {links: 1}\n", "4: rules.burst.links: Input should be greater"),
        (OURS + "rules:\n  burst: {links: 33}\n", "4: rules.burst.links: Input should be less"),
        (OURS + "rules:\n  nosuch: {weight: 1}\n", "4: rules.nosuch: Extra inputs"),
        (OURS + "threshold: 0\n", "3: threshold: Input should be greater"),
        ("robots: ours\n", "1: version: missing"),
        ("version: 1\n", "1: robots: missing"),
        ("- a\n", "1: file: expected the fields"),
        ("a: [\n", "2: file: no valid YAML"),
        (
            OURS + "networks:\n  a:\n    kind: cloud\n    ranges: [10.0.0.1/8]\n",
            "6: networks.a.ranges[0]: 10.0.0.1/8 has host bits set: expected a range",
        ),
        (OURS + "networks:\n  a: {kind: cloud}\n", "4: networks.a: expected either a list"),
    ],
)
def test_says_where_a_file_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_rules(written(tmp_path, text))
    assert f"robots.yml:{says}" in str(refused.value)


def test_says_everything_that_is_wrong_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "robots: ours\nversion: -1\nthreshold: no\nrules: {burst: {weight: -1}}\n")
    with pytest.raises(ConfigError) as refused:
        load_rules(path)
    assert [line.split(":")[1] for line in str(refused.value).splitlines()] == ["2", "3", "4"]


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(tmp_path / "none.yml")
    (tmp_path / "robots.yml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="no UTF-8"):
        load_rules(tmp_path / "robots.yml")


def test_the_lists_of_the_package_are_there() -> None:
    networks = Networks(load_rules().networks.values())
    assert networks("20.42.65.92") == networks("3.120.5.6") == networks("34.76.10.1") == "cloud"
    assert networks("::ffff:67.231.152.9") == networks("40.107.22.5") == "scanner"
    assert networks("165.225.80.10") == "people"
    assert networks("198.51.100.1") == networks("2001:db8::1") == ""


def test_a_list_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="no-such-list"):
        Networks([Network(kind="cloud", list="no-such-list")])


def test_a_network_of_people_comes_before_every_other() -> None:
    networks = Networks(
        [
            Network(kind="cloud", ranges=("192.0.2.0/24",)),
            Network(kind="people", ranges=("192.0.2.128/25", "2001:db8::/32")),
        ]
    )
    assert [networks(one) for one in ("192.0.2.127", "192.0.2.128", "2001:db8::7")] == [
        "cloud",
        "people",
        "people",
    ]
