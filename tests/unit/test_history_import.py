"""Archives: what each format tells, row by row, and what is refused with its file, line and column."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.history.archive import Archive
from deploy.history.csv_mapping import load_csv_mapping
from deploy.history.errors import ArchiveError, CsvMappingError
from deploy.history.formats import Format, reading
from deploy.history.records import Stamp
from scorer.errors import EventError
from scorer.silence import header
from scorer.times import DAY, Micros, parse_time

NOW = parse_time("2026-11-10T12:00:00Z")
VIEW = {"type": "page_view", "lead_id": "u-1", "time": "2026-11-01T09:00:00Z"}
MAP = """\
delimiter: ";"
constant: {type: page_view, context.channel: archive}
columns:
  Date: {field: time, format: "%d/%m/%Y %H:%M", timezone: Europe/Paris}
  Contact: {field: lead_id}
  Page: {field: properties.url}
  Durée: {field: properties.duration_s, type: number}
  Action: {field: type, values: {Téléchargement: download}}
"""


def archive(folder: Path, content: str | bytes, name: str = "archive") -> Archive:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Archive(path)


def told(read: Archive, told_format: Format | None = None, mapping: Path | None = None) -> list[Any]:
    """Each row's line, and its events or why there are none."""
    how = reading(read, told_format, load_csv_mapping(mapping) if mapping else None)
    found: list[Any] = []
    for line, row in how.rows(read):
        try:
            found.append((line, *map(json.loads, how.events(row))))
        except EventError as error:
            found.append((line, str(error)))
    return found


@pytest.mark.parametrize(
    "pack", [bytes, gzip.compress, lambda b: gzip.compress(b[:50]) + gzip.compress(b[50:])]
)
def test_lines_are_numbered_as_an_editor_does_packed_or_not(tmp_path: Path, pack: Any) -> None:
    content = b"\xef\xbb\xbf" + json.dumps(VIEW).encode() + b"\r\n\n" + json.dumps(VIEW).encode()
    read = archive(tmp_path, pack(content))
    assert told(read) == [(1, VIEW), (3, VIEW)]
    assert read.read_bytes == read.size


@pytest.mark.parametrize("cut", [20, 60])
def test_a_broken_archive_is_named(tmp_path: Path, cut: int) -> None:
    with pytest.raises(ArchiveError, match="archive: broken gzip"):
        told(archive(tmp_path, gzip.compress(json.dumps(VIEW).encode() * 50)[:cut]), Format.EVENTS)
    with pytest.raises(ArchiveError, match="nowhere: can't be read"):
        told(Archive(tmp_path / "nowhere"))


def test_a_file_without_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=":1: a line of 4 MB"):
        told(archive(tmp_path, b"x" * 4_000_001))


def test_segments_messages_happened_when_its_servers_say(tmp_path: Path) -> None:
    sent = {"type": "track", "event": "Demo Requested", "messageId": "m-1", "anonymousId": "a-1"}
    clocks = {"sentAt": "2026-11-01T10:00:05Z", "receivedAt": "2026-11-01T09:00:05Z"}
    rows = [
        sent | clocks | {"timestamp": "2026-11-01T09:00:00Z", "originalTimestamp": "2026-11-01T10:00:00Z"},
        sent | clocks | {"originalTimestamp": "2026-11-01T10:00:00Z"},
        sent | {"receivedAt": "2026-11-01T09:00:00Z"},
        sent | {"receivedAt": "yesterday"},
        {**sent, "type": "nothing"},
    ]
    found = told(archive(tmp_path, "\n".join(map(json.dumps, rows))))
    event = {
        "id": "m-1",
        "type": "demo_requested",
        "anonymous_id": "a-1",
        "time": "2026-11-01T09:00:00Z",
        "properties": {"event": "Demo Requested"},
        "context": {},
    }
    assert found[:3] == [(line, event) for line in (1, 2, 3)]
    assert found[3] == (4, "receivedAt: 'yesterday' is no time such as 2026-11-01T09:00:00Z")
    assert found[4][1].startswith("type: expected one of page, track")


def enriched(**fields: str) -> str:
    """A line as Snowplow's enrichment writes it: fields by their places."""
    line = [""] * 131
    for at, text in fields.items():
        line[int(at.removeprefix("f"))] = text
    return "\t".join(line)


def iglu(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"schema": f"iglu:com.acme/{name}/jsonschema/1-0-0", "data": data}


def test_snowplows_enriched_events_are_the_gateways(tmp_path: Path) -> None:
    who = {
        "f0": "shop",
        "f1": "web",
        "f6": "e-1",
        "f15": "d-1",
        "f3": "2026-11-01 09:00:07",
        "f77": "Firefox",
    }
    times = {"f4": "2026-11-01 11:00:00", "f124": "2026-11-01 09:00:00.123"}
    page = {"f29": "https://a.example/tarifs?utm_source=li", "f30": "Tarifs", "f13": "192.0.2.7"}
    click = json.dumps(
        iglu("unstruct_event", iglu("link_click", {"targetUrl": "https://a.example/guide.pdf"}))
    )
    robot = json.dumps(
        {
            "schema": "iglu:x/contexts/jsonschema/1-0-0",
            "data": [iglu("spiders_and_robots", {"spiderOrRobot": True})],
        }
    )
    lines = [
        enriched(f5="page_view", **who, **times, **page),
        enriched(f5="struct", f53="Demo", f54="Demo Requested", f12="u-1", **who),
        enriched(f5="unstruct", f58=click, f130="2026-11-01 08:00:00", **who, **times),
        enriched(f5="page_ping", f122=robot, **who, **times),
        enriched(f5="page_view", **who | {"f3": "soon"}),
        enriched(f5="sale", **who),
        "page_view\t" * 20,
    ]
    found = told(archive(tmp_path, gzip.compress("\n".join(lines).encode())))
    (_, view), (_, demo, tie), (_, download), (_, ping) = found[:4]
    assert (view["type"], view["anonymous_id"], view["id"]) == ("page_view", "d-1", "e-1")
    assert parse_time(view["time"]) == parse_time("2026-11-01T09:00:00.123Z")
    assert view["properties"] == {"url": page["f29"], "title": "Tarifs"}
    assert view["context"] == {
        "ip": "192.0.2.7",
        "user_agent": "Firefox",
        "channel": "browser",
        "utm_source": "li",
    }
    assert (demo["type"], demo["lead_id"], demo["time"]) == ("demo_requested", "u-1", "2026-11-01T09:00:07Z")
    assert (tie["type"], tie["lead_id"], tie["anonymous_id"]) == ("identify", "u-1", "d-1")
    assert (download["type"], download["time"]) == ("download", "2026-11-01T08:00:00Z")
    assert (ping["type"], ping["context"]["bot"]) == ("page_time", True)
    assert [one[1][:19] for one in found[4:]] == [
        "time: 'soon' is not",
        "e: expected one of ",
        "expected the 131 fi",
    ]


def test_requests_of_snowplows_protocol_are_read_too(tmp_path: Path) -> None:
    item = {
        "e": "pv",
        "eid": "e-1",
        "duid": "d-1",
        "url": "https://a.example/",
        "dtm": "1793523600500",
        "stm": "1",
    }
    payload = {
        "schema": "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
        "data": [item, item],
    }
    ((_, first, second),) = told(archive(tmp_path, json.dumps(payload)))
    assert first == second
    assert parse_time(first["time"]) == parse_time("2026-11-01T09:00:00.5Z")


def test_a_table_is_read_by_its_mapping(tmp_path: Path) -> None:
    mapping = tmp_path / "map.yml"
    mapping.write_text(MAP)
    rows = 'Date;Contact;Page;Durée;Action;Note\n01/11/2026 10:00;u-1;"https://a.example/\n\nb";1,5;;x\n'
    rows += "26/10/2026 10:00;u-2;;;Téléchargement;\nyesterday;u-3;;;;\n01/11/2026 10:00;u-4;;many;;\n"
    rows += "01/11/2026 10:00;u-5;;;;;;\n"
    context = {"channel": "archive"}
    assert told(archive(tmp_path, rows), mapping=mapping) == [
        (
            4,
            {
                "type": "page_view",
                "lead_id": "u-1",
                "time": "2026-11-01T09:00:00Z",
                "properties": {"url": "https://a.example/\n\nb", "duration_s": 1.5},
                "context": context,
            },
        ),
        (5, {"type": "download", "lead_id": "u-2", "time": "2026-10-26T09:00:00Z", "context": context}),
        (6, "column 'Date': expected a time such as %d/%m/%Y %H:%M, got 'yesterday'"),
        (7, "column 'Durée': expected a number, got 'many'"),
        (8, "more values than the header has columns: is a delimiter not quoted?"),
    ]


@pytest.mark.parametrize(
    ("form", "text", "time"),
    [
        ("", "2026-11-01 10:00:00+01:00", "2026-11-01T09:00:00Z"),
        (", format: unix", "1793523600.5", "2026-11-01T09:00:00.500000Z"),
        (", format: unix_ms", "1793523600500", "2026-11-01T09:00:00.500000Z"),
        (', format: "%Y%m%dT%H%M%S%z"', "20261101T100000+0100", "2026-11-01T09:00:00Z"),
        (", format: unix", "1e400", None),
        (", format: unix_ms", "soon", None),
        ("", "soon", None),
    ],
)
def test_times_of_every_form(tmp_path: Path, form: str, text: str, time: str | None) -> None:
    mapping = tmp_path / "map.yml"
    mapping.write_text(f"columns: {{when: {{field: time{form}}}}}")
    ((_, found),) = told(archive(tmp_path, f"when\n{text}\n"), mapping=mapping)
    if time:
        assert parse_time(found["time"]) == parse_time(time)
    else:
        assert found.startswith("column 'when': ")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("columns: {a: {field: nothing}}", r"map.yml: .*\$.columns\[...\].field"),
        ("columns: {a: {field: lead_id, format: unix}}", "map.yml: columns.a: format: only a time has one"),
        ("columns: {a: {field: time, timezone: Mars/Base}}", "columns.a: timezone: 'Mars/Base' is none"),
        ("columns: {}", "map.yml: .*columns"),
        ("columns: [", "map.yml: no YAML"),
        ("{columns: {a: {field: id}}, encoding: nothing}", "map.yml: unknown encoding: nothing"),
        ("{columns: {a: {field: id}}, delimiter: ab}", "delimiter"),
    ],
)
def test_a_wrong_mapping_is_refused(tmp_path: Path, text: str, said: str) -> None:
    mapping = tmp_path / "map.yml"
    mapping.write_text(text)
    with pytest.raises(CsvMappingError, match=said):
        load_csv_mapping(mapping)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n", r"archive:1: no column 'id', which the mapping names: there are 'a', 'b'"),
        (b'id\n1\n"2\n', "archive:.*: no utf-8 CSV"),
        (b"id\n1\n\xff\n", "archive:3: no utf-8 CSV"),
        (b"", "no column 'id'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    mapping = tmp_path / "map.yml"
    mapping.write_text("columns: {id: {field: id}}")
    with pytest.raises(ArchiveError, match=said):
        told(archive(tmp_path, content), mapping=mapping)


def test_what_looks_like_nothing_known_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="--format"):
        told(archive(tmp_path, "a,b\n"))
    with pytest.raises(ArchiveError, match="--map"):
        told(archive(tmp_path, "a,b\n"), Format.CSV)


def encoded(**more: Any) -> bytes:
    return json.dumps({name: value for name, value in (VIEW | more).items() if value}).encode()


def test_a_record_is_stamped_with_its_events_own_time() -> None:
    stamp = Stamp(NOW, 30, 32_000)
    until = Micros(NOW + DAY)
    record = stamp.record(encoded(), "digest:1:0", until)
    assert (record.topic, record.key, record.timestamp) == ("page-views", b"u-1", parse_time(VIEW["time"]))
    assert record.headers == (header(until),)
    assert record == stamp.record(encoded(), "digest:1:0", until)
    assert (
        json.loads(record.value)["id"] != json.loads(stamp.record(encoded(), "digest:2:0", until).value)["id"]
    )
    assert stamp.record(encoded(time="2026-12-01T00:00:00Z"), "p", until).timestamp == NOW
    with pytest.raises(EventError, match="time: missing"):
        stamp.record(encoded(time=None), "p", until)
    with pytest.raises(EventError, match=r"RAW_RETENTION_DAYS \(30\)"):
        stamp.record(encoded(time="2026-10-11T11:59:59Z"), "p", until)
    own = Stamp(NOW, 0, 32_000, {"page-views": 30})
    with pytest.raises(EventError, match=r"LEADHEAT_RETENTION_DAYS \(30\)"):
        own.record(encoded(time="2026-10-11T11:59:59Z"), "p", until)
    assert own.record(encoded(type="nps", time="2026-10-11T11:59:59Z"), "p", until).topic == "outcomes"
    for_good = Stamp(NOW, 0, 32_000)
    assert for_good.record(encoded(time="1970-01-02T00:00:00Z"), "p", until).timestamp == DAY
    with pytest.raises(EventError, match="before 1970"):
        for_good.record(encoded(time="1969-12-31T00:00:00Z"), "p", until)


@given(st.binary(max_size=200) | st.dictionaries(st.text(max_size=8), st.text(max_size=8)).map(json.dumps))
def test_no_row_of_any_format_raises_anything_else(row: bytes | str) -> None:
    raw = row.encode(errors="replace") if isinstance(row, str) else row
    stamp = Stamp(NOW, 30, 32_000)
    for told_format in (Format.EVENTS, Format.SEGMENT, Format.SNOWPLOW):
        how = reading(Archive(Path("nowhere")), told_format, None)
        try:
            for event in how.events(raw):
                stamp.record(event, "p", NOW)
        except EventError:
            pass
