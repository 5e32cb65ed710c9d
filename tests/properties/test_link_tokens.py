"""A token that was changed in any way says nothing; any that was made says what it was made of."""

from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.ingest.link_tokens import Link, LinkError, LinkKeys

KEYS = LinkKeys(["a key of these tests", "an older one of them"])
KINDS = ("open", "click", "tie")
texts = st.text(st.characters(codec="utf-8"), max_size=40)
leads = texts.filter(lambda text: bool(text.strip()))
targets = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60).map(
    "https://acme.example/".__add__
)


@st.composite
def links(draw: st.DrawFn) -> Link:
    kind = draw(st.sampled_from(("open", "click")))
    to = draw(targets) if kind == "click" else None
    return Link(kind, draw(leads), draw(st.none() | texts), draw(st.none() | texts), to, draw(st.booleans()))


def _signed(link: Link) -> str:
    try:
        return KEYS.sign(link)
    except LinkError:
        assume(False)
        raise


@given(links())
def test_what_is_signed_is_read(link: Link) -> None:
    assert KEYS.read(link.kind, _signed(link)) == link


@given(links(), st.data())
def test_any_flipped_bit_is_refused(link: Link, data: st.DataObject) -> None:
    token = _signed(link)
    place = data.draw(st.integers(0, len(token) - 1))
    bit = data.draw(st.integers(0, 6))
    changed = token[:place] + chr(ord(token[place]) ^ (1 << bit)) + token[place + 1 :]
    assert [KEYS.read(kind, changed) for kind in KINDS] == [None] * 3


@given(links(), st.data())
def test_any_cut_or_addition_is_refused(link: Link, data: st.DataObject) -> None:
    token = _signed(link)
    place = data.draw(st.integers(0, len(token) - 1))
    more = data.draw(st.text(min_size=1, max_size=5))
    for changed in (token[:place], token + more, more + token, token[:place] + more + token[place:]):
        assert [KEYS.read(kind, changed) for kind in KINDS] == [None] * 3


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,200}", fullmatch=True))
def test_anything_else_says_nothing(token: str) -> None:
    assert [KEYS.read(kind, token) for kind in KINDS] == [None] * 3
