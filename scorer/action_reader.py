"""Reads what a play does: verbs with a name, or with more to say. What it means is for those who act."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from scorer.checked import Checked
from scorer.yaml_file import Path


def _text(check: Checked, value: Any, path: Path) -> None:
    check.text(value, path, "keep-warm")


def _way(check: Checked, value: Any, path: Path) -> None:
    if not isinstance(value, str) or value not in _WAYS:
        check.report(path, f"no such way {value!r}: {check.choice(value, _WAYS)}")


def _duration(check: Checked, value: Any, path: Path) -> None:
    check.duration(value, path)


_WAYS: Final = ("owner", "round-robin", "territory")
_Check = Callable[[Checked, Any, Path], None]
_VERBS: Final[dict[str, tuple[str, dict[str, _Check]]]] = {
    "alert": ("{alert: sales}", {}),
    "assign": ("{assign: {by: territory, team: sales}}", {"by": _way, "team": _text}),
    "task": (
        "{task: {call: …, within: 4h, escalate: managers}}",
        {"call": _text, "do": _text, "within": _duration, "escalate": _text},
    ),
    "nurture": ("{nurture: {start: keep-warm}}", {"start": _text, "move": _text, "stop": _text}),
    "survey": ("{survey: nps-after-project}", {}),
    "webhook": ("{webhook: flow-name}", {}),
}
"""Each verb with an example, and the fields that it knows where a name is not enough."""
_NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "assign": ("by",),
    "task": ("call", "do"),
    "nurture": ("start", "move", "stop"),
}
"""Of the fields of a verb, those of which there must be exactly one."""


def read_actions(check: Checked, spec: Any, path: Path) -> tuple[Mapping[str, Any], ...]:
    """What is to be done, as it is written."""
    if not isinstance(spec, list) or not spec:
        check.report(path, "expected a list of what to do, such as [{alert: sales}]")
        return ()
    for index, item in enumerate(spec):
        if not isinstance(item, dict) or len(item) != 1:
            check.report((*path, index), "expected one verb and its object, such as {alert: sales}")
            continue
        verb, what = next(iter(item.items()))
        if verb not in _VERBS:
            check.report((*path, index), f"no such verb {verb}: {_choice(check, verb)}")
        else:
            _read_object(check, verb, what, (*path, index))
    return tuple(spec)


def _choice(check: Checked, verb: str) -> str:
    listed = f"expected one of {', '.join(_VERBS)}"
    near = check.choice(verb, _VERBS)
    return listed if near.startswith("expected") else f"{near} {listed}"


def _read_object(check: Checked, verb: str, what: Any, path: Path) -> None:
    example, known = _VERBS[verb]
    if not isinstance(what, dict):
        if not isinstance(what, str) or not what.strip():
            check.report(path, f"expected a name, such as {example}")
        return
    if not known:
        check.report(path, f"expected a name only, such as {example}")
        return
    path = (*path, verb)
    fields = check.mapping(what, path, dict.fromkeys(known, False), f"a name, or {example}")
    for name, value in fields.items():
        known[name](check, value, (*path, name))
    needed = _NEEDED[verb]
    if sum(name in fields for name in needed) != 1:
        check.report(path, f"expected one of {', '.join(needed)}, such as {example}")
