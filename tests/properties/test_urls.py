"""The path of a URL is what the standard library makes of it, whichever way it is found."""

from urllib.parse import unquote, urlsplit

from hypothesis import given
from hypothesis import strategies as st

from scorer.fields import url_path
from tests.properties.effort import examples

PIECES = ["http://", "https://", "HTTPS://", "//", "/", "?", "#", "%2F", "%C3%A9", "%", ":80", ":x", "@", "["]
TEXTS = ["acme.fr", "Acme.FR", "tarifs", "é", " ", "\t", "\n", ";a=1", "a=1&b", "..", "-", "_", "'", "]"]


def read(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        parts.hostname  # noqa: B018 (raises where it can't be read)
    except ValueError:
        return None
    return (unquote(parts.path) or "/") if url.strip() else None


@examples(500)
@given(st.lists(st.sampled_from(PIECES + TEXTS), max_size=8).map("".join) | st.text(max_size=12))
def test_the_path_is_the_standard_librarys(url: str) -> None:
    for whole in (url, f"https://acme.fr{url}", f"https://acme.fr/{url}"):
        assert url_path(whole) == read(whole)
