"""Wrong grids are refused with every mistake's line, field and what would be right."""

from pathlib import Path

import pytest

from scorer.errors import GridError
from scorer.grid import load_grid, parse_grid
from scorer.yaml_file import YamlFile

GOOD = """\
grid: b2b
version: 3
timezone: Europe/Paris
scores:
  fit: {min: -50, max: 60}
  engagement: {min: 0, max: 100}
half_life: 14d
criteria:
  - id: decider
    score: fit
    points: 20
    lead: {title: {words: [ceo, "directeur général"]}}
  - id: pricing
    score: engagement
    points: 10
    event: page_view
    where: {url.path: {glob: "/tarifs*"}}
    half_life: 7d
    max: 30
  - id: again
    score: engagement
    points: 20
    event: email_open
    repeat: {at_least: 2, within: 7d}
  - id: silent
    score: engagement
    points: -15
    absent: {for: 30d}
tiers:
  - {id: cold}
  - {id: warm, from: 30}
  - {id: hot, from: 70, requires: {fit: 10}}
hysteresis: 5
plays:
  - {id: call, when: {enters: hot}, cooldown: 24h, do: [{alert: sales}]}
  - {id: wake, when: {stays: warm, for: 14d}, do: [{nurture: cases}]}
"""

WRONG = [
    ("grid: b2b\n", "", 1, "grid", "missing"),
    ("version: 3", "version: three", 2, "version", "a whole number"),
    ("Europe/Paris", "Europe/Lutèce", 3, "timezone", "such as Europe/Paris"),
    ("fit: {min: -50, max: 60}", "fit: {min: 50, max: -60}", 5, "scores.fit.max", "min <= max"),
    ("half_life: 14d", "half_life: 14", 7, "half_life", "such as 7d"),
    ("half_life: 14d", "halflife: 14d", 7, "halflife", "did you mean half_life?"),
    ("id: pricing", "id: decider", 13, "criteria[1].id", "taken on line 9"),
    ("score: fit", "score: fitt", 10, "criteria[0].score", "did you mean fit?"),
    ("points: 20\n    lead", "points: true\n    lead", 11, "criteria[0].points", "a number"),
    ("words: [ceo, ", "wrods: [ceo, ", 12, "criteria[0].lead.title.wrods", "no such test"),
    ('[ceo, "directeur général"]', "ceo", 12, "criteria[0].lead.title.words", "a list of words"),
    ("event: page_view", "event: PageView", 16, "criteria[1].event", "such as page_view"),
    ("    event: page_view\n", "", 16, "criteria[1].where", "means nothing"),
    ('{glob: "/tarifs*"}', '{matches: "(?=x)"}', 17, "criteria[1].where.url.path.matches", "RE2"),
    ("half_life: 7d", "half_life: 7 days", 18, "criteria[1].half_life", "such as 7d"),
    ("max: 30\n", "max: -30\n", 19, "criteria[1].max", "0 or more"),
    ("at_least: 2", "at_least: 0", 24, "criteria[2].repeat.at_least", "from 1 to 1000"),
    ("within: 7d", "within: 0s", 24, "criteria[2].repeat.within", "more than nothing"),
    (
        "    absent: {for: 30d}",
        "    event: outcome\n    absent: {for: 30d}",
        28,
        "criteria[3].event",
        "never activity",
    ),
    ("absent: {for: 30d}", "absent: {for: 30d}\n    max: -5", 29, "criteria[3].max", "means nothing"),
    ("points: 20\n    lead", "points: 20\n    max: 5\n    lead", 12, "criteria[0].max", "means nothing"),
    ("from: 70, requires: {fit: 10}", "from: 20", 32, "tiers[2].from", "can never be reached"),
    ("{id: warm, from: 30}", "{id: warm}", 31, "tiers[1]", "expected from or requires"),
    ("requires: {fit: 10}", "requires: {fti: 10}", 32, "tiers[2].requires.fti", "did you mean fit?"),
    ("hysteresis: 5", "hysteresis: -5", 33, "hysteresis", "0 or more"),
    ("enters: hot", "enters: boiling", 35, "plays[0].when.enters", "expected one of"),
    ("enters: hot", "enters: hot, for: 2d", 35, "plays[0].when.for", "means nothing"),
    ("stays: warm, for: 14d", "stays: warm", 36, "plays[1].when", "stays needs for"),
    ("do: [{alert: sales}]", "do: alert", 35, "plays[0].do", "such as [{alert: sales}]"),
    ("enters: hot", "score: {rises: 60}", 35, "plays[0].when.score.rises", "did you mean rises_to?"),
    ("enters: hot", "score: 60", 35, "plays[0].when.score", "expected {rises_to: 60}"),
    ("enters: hot", "score: {rises_to: x}", 35, "plays[0].when.score.rises_to", "expected a number"),
    (
        "enters: hot",
        "score: {rises_to: 60, falls_below: 2}",
        35,
        "plays[0].when.score",
        "expected one of {rises_to: 60}",
    ),
    (
        "enters: hot",
        "score: {rises_to: 60, of: fitt}",
        35,
        "plays[0].when.score.of",
        "no such score 'fitt': did you mean fit?",
    ),
    ("enters: hot", "happens: pricng", 35, "plays[0].when.happens", "did you mean pricing?"),
    ("enters: hot", "happens: pricing, within: 2d", 35, "plays[0].when.within", "means nothing with happens"),
    ("enters: hot", "gains: 20", 35, "plays[0].when", "gains needs within"),
    ("enters: hot", "gains: 0, within: 1d", 35, "plays[0].when.gains", "expected more than 0"),
    ("enters: hot", "gains: 5, within: 1d", 35, "plays[0].when.gains", "within the hysteresis 5"),
    ("enters: hot", "gains: 20, enters: hot", 35, "plays[0].when", "expected one of"),
    ("enters: hot", "account: {enters: hott}", 35, "plays[0].when.account.enters", "did you mean hot?"),
    ("enters: hot", "account: {stays: hot}", 35, "plays[0].when.account", "stays needs for"),
    ("enters: hot", "account: {enters: hot, for: 1d}", 35, "plays[0].when.account.for", "with stays only"),
    (
        "enters: hot",
        "account: {gains: 20, within: 1d}",
        35,
        "plays[0].when.account.gains",
        "of an account only its tiers are watched",
    ),
    ("enters: hot", "account: hot", 35, "plays[0].when.account", "expected {account: {enters: hot}}"),
    ("enters: hot", "account: {enters: hot, leaves: hot}", 35, "plays[0].when.account", "expected one of"),
    ("enters: hot", "account: {enters: hot}, for: 2d", 35, "plays[0].when.for", "no such field"),
    (
        "hysteresis: 5",
        "hysteresis: 5\naccounts: {roll_up: total}",
        34,
        "accounts.roll_up",
        "expected one of avg, max, min, sum",
    ),
    ("hysteresis: 5", "hysteresis: 5\naccounts: {of: 0}", 34, "accounts.of", "a whole number of leads"),
    (
        "hysteresis: 5",
        "hysteresis: 5\naccounts: {cap_per_lead: 0}",
        34,
        "accounts.cap_per_lead",
        "more than 0",
    ),
    (
        "hysteresis: 5",
        "hysteresis: 5\naccounts: {leads_from: tepid}",
        34,
        "accounts.leads_from",
        "no such tier",
    ),
    (
        "hysteresis: 5",
        "hysteresis: 5\naccounts: {hysteresis: 5}",
        34,
        "accounts.hysteresis",
        "means nothing without tiers",
    ),
    ("hysteresis: 5", "hysteresis: 5\naccounts: {tiers: []}", 34, "accounts.tiers", "expected a list"),
    (
        "hysteresis: 5",
        "hysteresis: 5\naccounts: {tiers: [{id: cold, from: 3}]}",
        34,
        "accounts.tiers[0].from",
        "expected none",
    ),
    (
        "hysteresis: 5",
        "hysteresis: 5\naccounts: {tiers: [{id: cold}, {id: hot}]}",
        34,
        "accounts.tiers[1].from",
        "missing",
    ),
    (
        "hysteresis: 5",
        "hysteresis: 5\naccounts: {tiers: [{id: a}, {id: b, from: 9}, {id: c, from: 9}]}",
        34,
        "accounts.tiers[2].from",
        "rising order",
    ),
    (
        "hysteresis: 5",
        "hysteresis: 5\naccounts: {tiers: [{id: a}, {id: a, from: 9}]}",
        34,
        "accounts.tiers[1].id",
        "is taken",
    ),
    ("cooldown: 24h", "expires: 2", 35, "plays[0].expires", "expected a duration"),
    ("{alert: sales}", "{alrt: sales}", 35, "plays[0].do[0]", "no such verb alrt: did you mean alert?"),
    ("{alert: sales}", "{fax: sales}", 35, "plays[0].do[0]", "one of alert, assign, task, nurture, survey"),
    ("{alert: sales}", "{alert: {to: sales}}", 35, "plays[0].do[0]", "expected a name only"),
    ("{alert: sales}", "{task: {call: now, in: 2h}}", 35, "plays[0].do[0].task.in", "no such field"),
    ("{alert: sales}", "{task: {call: x, within: 4}}", 35, "plays[0].do[0].task.within", "a duration"),
    ("{alert: sales}", "{task: {within: 4h}}", 35, "plays[0].do[0].task", "expected one of call"),
    ("{alert: sales}", "{assign: {by: luck}}", 35, "plays[0].do[0].assign.by", "no such way 'luck'"),
    ("{alert: sales}", "{nurture: {start: a, stop: b}}", 35, "plays[0].do[0].nurture", "one of start, move"),
    ("cooldown: 24h", "hours: {from: x, to: y}", 35, "plays[0].hours.days", "missing"),
    ("cooldown: 24h", "hours: sometimes", 35, "plays[0].hours", "expected always, or {days"),
    (
        "hysteresis: 5",
        'hours: {days: [monday], from: "08:30", to: "18:30"}',
        33,
        "hours.days[0]",
        "expected one of mon, tue",
    ),
    (
        "hysteresis: 5",
        "hours: {days: [mon], from: 8h30, to: 18:30}",
        33,
        "hours.from",
        'expected a time of day, such as "08:30"',
    ),
    (
        "hysteresis: 5",
        "hours: {days: [mon], from: 22:00, to: 06:00}",
        33,
        "hours.to",
        "expected a later time of the same day",
    ),
    (
        "hysteresis: 5",
        "hours: {days: [mon], from: 08:30, to: 24:00, holidays: Paris}",
        33,
        "hours.holidays",
        "expected a country, such as FR",
    ),
    (
        "hysteresis: 5",
        "hours: {days: [mon], from: 08:30, to: 24:00, holidays: FR-99}",
        33,
        "hours.holidays",
        "no part 99 of FR",
    ),
    (
        "hysteresis: 5",
        "hours: {days: [mon], from: 08:30, to: 24:00, closed: [24/12/2026]}",
        33,
        "hours.closed[0]",
        "expected one such as 2026-12-24",
    ),
    ("version: 3", "version: 3\nversion: 4", 3, "version", "given twice, first on line 2"),
    ("scores:\n", "scores\n", 4, "file", "no valid YAML"),
    ("score: fit", "score: [fit]", 10, "criteria[0].score", "did you mean fit?"),
    ("enters: hot", "enters: [hot]", 35, "plays[0].when.enters", "did you mean hot?"),
    ("when: {enters: hot}", "when: hot", 35, "plays[0].when", "expected one of {enters: hot}"),
    ("{alert: sales}", "{alert: ''}", 35, "plays[0].do[0]", "such as {alert: sales}"),
    ("    max: 30", "    per: {duration_s: 0}", 19, "criteria[1].per.duration_s", "expected more than 0"),
    ("version: 3", "version: !three 3", 2, "version", "the tag !three means nothing here"),
    ("version: 3", "version: !!int three", 2, "version", "the tag int means nothing here"),
    ("{min: 0, max: 100}", "!!omap {min: 0}", 6, "scores.engagement", "the tag omap means nothing here"),
    ("hysteresis: 5", 'hysteresis: "5', 33, "file", "unexpected end of stream"),
    ("do: [{nurture: cases}]}", "do: [{nurture: cases}", 36, "file", "no valid YAML"),
    ("    score: fit", "\tscore: fit", 10, "file", "a tab where the line begins: expected spaces"),
    (
        "title: {words",
        "title: " + "{not: " * 150 + "1" + "}" * 150 + ", job: {words",
        12,
        "criteria[0].lead.title" + ".not" * 96,
        "nested too deeply: expected at most 100 levels",
    ),
    (
        "    absent: {for: 30d}",
        "    where: {url.path: /}\n    absent: {for: 30d}",
        28,
        "criteria[3].where",
        "with no event",
    ),
    ("hysteresis: 5", "hysteresis:", 33, "hysteresis", "empty: expected a value, or leave the field out"),
    (
        "id: pricing\n",
        "id: pricing page\n",
        13,
        "criteria[1].id",
        "'pricing page' is no name: expected one word",
    ),
    ("points: 10", "points: 0x" + "f" * 300, 15, "criteria[1].points", "expected a number, such as 10"),
    (
        "points: 10",
        "points: -1.0e+16",
        15,
        "criteria[1].points",
        "-1e+16 is out of range: expected 0, or a size",
    ),
    (
        "    max: 30",
        "    per: {duration_s: 1.0e-300}",
        19,
        "criteria[1].per.duration_s",
        "1e-300 is out of range",
    ),
    ("within: 7d", "within: 1000000d", 24, "criteria[2].repeat.within", "at most a thousand years"),
    ("within: 7d", "within: 7d, distinct: week", 24, "criteria[2].repeat.distinct", "expected event or day"),
    ("id: decider", "id: decider\n    label: [ceo]", 10, "criteria[0].label", 'such as {fr: "Décideur"'),
    ("event: page_view", "event: []", 16, "criteria[1].event", "such as page_view"),
    ("max: 30\n", "per: duration_s\n", 19, "criteria[1].per", "such as {duration_s: 60}"),
    (
        'where: {url.path: {glob: "/tarifs*"}}',
        "where: /tarifs",
        17,
        "criteria[1].where",
        "expected conditions",
    ),
    ("{url.path: {glob", "{.path: {glob", 17, "criteria[1].where..path", "'.path' is no name of a field"),
    (
        "{url.path: {glob",
        "{any: {x: 1}, url.path: {glob",
        17,
        "criteria[1].where.any",
        "such as any: [{url.path",
    ),
    ("{words: [ceo, ", "{words: [7, ", 12, "criteria[0].lead.title.words[0]", "in quotes if it is a number"),
    ('{glob: "/tarifs*"}', "{}", 17, "criteria[1].where.url.path", "expected a value or a test (gte, "),
    ('{glob: "/tarifs*"}', "[]", 17, "criteria[1].where.url.path", "an empty list never holds"),
    ('{glob: "/tarifs*"}', '{glob: ""}', 17, "criteria[1].where.url.path.glob", "1 to 1,000 characters"),
    ('{glob: "/tarifs*"}', "{exists: 1}", 17, "criteria[1].where.url.path.exists", "expected true or false"),
    (
        '{glob: "/tarifs*"}',
        "{gte: ten}",
        17,
        "criteria[1].where.url.path.gte",
        "expected a number, such as 100",
    ),
    (
        "scores:\n  fit: {min: -50, max: 60}\n  engagement: {min: 0, max: 100}",
        "scores: [fit]",
        4,
        "scores",
        "expected a name and bounds for each score",
    ),
    ("requires: {fit: 10}", "requires: fit", 32, "tiers[2].requires", "such as {fit: 10}"),
    ("enters: hot", "enters: hot, leaves: hot", 35, "plays[0].when", "expected one of {enters: hot}"),
    ("title: {words", "[title]: 1, title: {words", 12, "criteria[0].lead", "expected a word"),
]


def test_the_good_one_is_accepted() -> None:
    grid = parse_grid(GOOD, "g.yml")
    assert [criterion.kind for criterion in grid.criteria] == ["explicit", "behaviour", "repeat", "absent"]


@pytest.mark.parametrize(("right", "wrong", "line", "field", "said"), WRONG)
def test_each_mistake_is_named_with_its_line(
    right: str, wrong: str, line: int, field: str, said: str
) -> None:
    assert right in GOOD
    with pytest.raises(GridError) as refused:
        parse_grid(GOOD.replace(right, wrong, 1), "g.yml")
    found = [(problem.line, problem.field) for problem in refused.value.problems]
    assert (line, field) in found, str(refused.value)
    assert said in str(refused.value)


def test_all_mistakes_are_told_at_once() -> None:
    text = GOOD
    for right, wrong, *_ in (WRONG[1], WRONG[7], WRONG[11], WRONG[23]):
        text = text.replace(right, wrong, 1)
    with pytest.raises(GridError) as refused:
        parse_grid(text, "g.yml")
    assert [problem.line for problem in refused.value.problems] == [2, 10, 16, 32]


def test_a_file_larger_than_any_grid_is_refused_unread() -> None:
    with pytest.raises(GridError) as refused:
        parse_grid(GOOD + "#" * 1_000_000, "g.yml")
    assert str(refused.value) == "g.yml:1: file: larger than 1,000,000 characters: expected a smaller file"


@pytest.mark.parametrize(
    ("told", "label"),
    [
        ("", {"fr": "Decider", "en": "Decider"}),
        ("label: Décideur", {"fr": "Décideur", "en": "Décideur"}),
        ("label: {de: Chefin, en: Boss}", {"de": "Chefin", "en": "Boss", "fr": "Chefin"}),
    ],
)
def test_a_label_is_a_text_or_one_a_language(told: str, label: dict[str, str]) -> None:
    grid = parse_grid(GOOD.replace("id: decider", f"id: decider\n    {told}"), "g.yml")
    assert grid.criteria[0].label == label


def test_yaml_is_1_2() -> None:
    grid = parse_grid(GOOD.replace("title: {words", "country: no, title: {words"), "g.yml")
    assert grid.source["criteria"][0]["lead"]["country"] == "no"


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("version:\t3\t# the third\n\t# of many\n\t\n", "version: 3\n"),
        ("version:\t \t3\n", "version: 3\n"),
        ("scores: {fit:\t{\tmin: -50\t}}\n", "scores: {fit: {min: -50}}\n"),
        ('a: [!!str 42, !!int "3", !!float 5, !!null ""]\n', 'a: ["42", 3, 5.0, null]\n'),
        ("a: !!map {b: !!seq [1]}\n", "a: {b: [1]}\n"),
    ],
)
def test_tabs_between_words_and_core_tags_are_read(text: str, alike: str) -> None:
    found, right = YamlFile(text, "g.yml"), YamlFile(alike, "g.yml")
    assert (found.data, found.problems) == (right.data, [])


def test_text_that_is_no_utf_8_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "g.yml"
    file.write_bytes(GOOD.encode("latin-1"))
    with pytest.raises(
        GridError, match=r"g\.yml:12: file: no UTF-8 text: .*: expected the file saved as UTF-8"
    ):
        load_grid(file)


@pytest.mark.parametrize(
    "text", ["", "[]", "just text", "grid: &a [*a]", "a: *b", "\x00", "- " * 3000, "{" * 5000]
)
def test_what_is_no_grid_at_all_is_refused(text: str) -> None:
    with pytest.raises(GridError) as refused:
        parse_grid(text, "g.yml")
    assert refused.value.problems[0].file == "g.yml"


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(GridError, match=r"nowhere\.yml:1: file: can't be read"):
        load_grid("nowhere.yml")
