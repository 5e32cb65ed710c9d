"""What alerts and answers change in the rows: pure, so that the same records give the same rows."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from connectors.office.assignment import Book, choose
from connectors.office.rows import Assigned, Row, Task, assigned_key, task_key
from connectors.office.team import Team
from scorer.account_name import account_of
from scorer.durations import parse_duration
from scorer.times import DAY, Micros, format_time, micros, parse_time

CLOSING: Final = frozenset({"rejected", "wrong", "won", "lost"})
"""What is said of a lead that nobody has to call any more."""
DOING: Final = CLOSING | {"accepted"}
"""What is said by somebody who has looked after a task."""
_DEFAULT_TASK: Final = "call"
_KEPT_US: Final = 400 * DAY
"""How long it is known who had a lead, or did a task, that is dealt with."""

Rows = dict[str, Row]


def alerted(alert: Mapping[str, Any], rows: Mapping[str, Row], team: Team, book: Book, now: Micros) -> Rows:
    """The rows that an alert makes; an alert that made them before makes none."""
    lead, traits = alert["lead_id"], alert.get("traits") or {}
    if alert.get("withdrawn"):
        return _withdrawn(alert["withdrawn"], rows)
    changes: Rows = {}
    person = _person(rows.get(assigned_key(lead)))
    for verb, what in _actions(alert):
        if verb == "assign" and team.people:
            key = assigned_key(lead)
            held = rows.get(key)
            if isinstance(held, Assigned) and held.alert == alert["id"]:
                continue
            choice = choose(team, what, lead, traits, book, now)
            if choice.person is not None:
                person = choice.person.id
                changes[key] = Assigned(lead, person, choice.why, now, alert["id"], account_of(traits))
    for verb, what in _actions(alert):
        if verb == "task":
            task = _task(alert, what, person)
            key = task_key(task.alert, task.what)
            if key not in rows:
                changes[key] = task
    return changes


def answered(event: Mapping[str, Any], rows: Mapping[str, Row]) -> Rows:
    """The rows that an `outcome` changes: of its alert, or of all that the lead has where it names none."""
    properties = event.get("properties") or {}
    said, alert = properties.get("outcome"), properties.get("alert_id")
    lead = event.get("lead_id") or event.get("anonymous_id")
    changes: Rows = {}
    for key, row in rows.items():
        if isinstance(row, Task) and row.lead == lead and row.state in ("open", "escalated"):
            if said in DOING and alert in (None, row.alert):
                by = properties.get("by")
                changes[key] = msgspec.structs.replace(
                    row, state="done", by=by if isinstance(by, str) else None, told={}
                )
        elif isinstance(row, Assigned) and row.lead == lead:
            if said in CLOSING and row.open:
                changes[key] = msgspec.structs.replace(row, open=False)
            elif said == "accepted" and not row.open:
                changes[key] = msgspec.structs.replace(row, open=True)
    return changes


def next_moment(row: Row) -> Micros | None:
    """When something is to be done about a row if nobody answers: tell that it is overdue, or forget it."""
    if isinstance(row, Assigned):
        return None if row.open else Micros(row.at + _KEPT_US)
    return row.due if row.state == "open" else Micros(row.since + _KEPT_US)


def overdue(row: Row, now: Micros) -> Row | None:
    """A row whose moment has come, as it goes on; None: it is forgotten."""
    if isinstance(row, Task) and row.state == "open":
        return msgspec.structs.replace(row, state="escalated", told={})
    return None


def escalation(task: Task) -> dict[str, Any] | None:
    """The alert that tells of an overdue task, the same each time; None where nobody is to be told."""
    if task.escalate is None or task.due is None:
        return None
    told = {name: value for name, value in task.told.items() if name not in ("due", "expires")}
    return {
        **told,
        "id": hashlib.sha256(f"escalated\n{task.alert}\n{task.what}".encode()).hexdigest(),
        "escalates": task.alert,
        "task": task.what,
        "person": task.person,
        "at": format_time(task.due),
        "do": [{"alert": task.escalate}],
    }


def _withdrawn(alert: str, rows: Mapping[str, Row]) -> Rows:
    return {
        key: msgspec.structs.replace(row, state="withdrawn", told={})
        for key, row in rows.items()
        if isinstance(row, Task) and row.alert == alert and row.state != "done"
    }


def _actions(alert: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for action in alert.get("do") or ():
        yield from action.items()


def _task(alert: Mapping[str, Any], told: Any, person: str | None) -> Task:
    """What an action asks for: a word, or {call: WHAT, within: 4h, escalate: managers}, `do` for `call`."""
    fields = told if isinstance(told, Mapping) else {"do": told}
    since = parse_time(alert.get("due") or alert["at"])
    within = fields.get("within")
    due = None if within is None else Micros(since + micros(parse_duration(str(within))))
    escalate = fields.get("escalate")
    kept = dict(alert) if due is not None and escalate is not None else {}
    what = str(fields.get("do") or fields.get("call") or _DEFAULT_TASK)
    return Task(alert["lead_id"], alert["id"], what, since, person, due, escalate, told=kept)


def _person(row: Row | None) -> str | None:
    return row.person if isinstance(row, Assigned) and row.open else None
