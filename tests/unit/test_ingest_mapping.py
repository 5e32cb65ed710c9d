"""The mapping file."""

from pathlib import Path

import pytest

from connectors.ingest.errors import ConfigError
from connectors.ingest.mapping import load_mapping
from connectors.ingest.segment_events import Arrival, translate
from scorer.times import Micros


def _load(tmp_path: Path, text: str):
    path = tmp_path / "mapping.yml"
    path.write_text(text, encoding="utf-8")
    return load_mapping(path)


def test_says_otherwise_for_its_source(tmp_path: Path) -> None:
    mapping = _load(
        tmp_path,
        """
        segment:
          events: {Page Engaged: page_time, Email Opened: newsletter_read}
          properties: {engagement: duration_s}
          traits: {jobTitle: title}
        """,
    )["segment"]
    arrival = Arrival(Micros(0))

    def event(**message: object) -> dict[str, object]:
        return translate({"userId": "u", **message}, arrival, mapping)

    engaged = event(type="track", event="Page Engaged", properties={"engagement": 95})
    assert (engaged["type"], engaged["properties"]) == (
        "page_time",
        {"duration_s": 95, "event": "Page Engaged"},
    )
    assert event(type="track", event="email opened")["type"] == "newsletter_read"
    assert event(type="identify", traits={"jobTitle": "DG"})["traits"] == {"title": "DG"}


def test_nothing_said() -> None:
    assert load_mapping(None) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("segment: {event: {}}", "event"),
        ("segment: {events: {A: Page Time}}", "page|pattern|match"),
        ("segment: {events: [A]}", "events"),
        ("segmint: {}", "segmint"),
        ("- segment", "object"),
        ("{", "YAML"),
        ("segment: {traits: {jobTitle: ''}}", "traits"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=f"mapping.yml: .*({said})"):
        _load(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yml: cannot be read"):
        load_mapping(tmp_path / "none.yml")
