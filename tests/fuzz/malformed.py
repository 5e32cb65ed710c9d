"""Makes of requests malformed ones: always the same by the same random numbers."""

import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any, Final

import brotli

from connectors.ingest.unpacking import zstd
from tests.fuzz.seeds import Request

_MARK: Final = "\x00here\x00"
_MARKED: Final = json.dumps(_MARK).encode()
_ODD: Final = (
    *(b"null", b"true", b"false", b"0", b"-1", b"{}", b"[]", b'""', b"1.5", b'"0"', b"[[]]", b"[null]"),
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e308", b"9" * 40, b"9" * 5_000, b"-0.0"),
    *(b"18446744073709551616", b"9223372036854775807", b"1793523540", b"1793523540000", b"4e18"),
    *(b'"\\ud800"', b'"\\udc00 \\u0000"', b'"\xff\xfe"', b'"\xed\xa0\x80"', b'"\\x"', b'"unclosed', b"nul"),
    *(b'"' + b"x" * 700 + b'"', b'"' + b"x" * 40_000 + b'"', b'"' + b"{" * 3_000 + b'"'),
    *(b"[" * 900 + b"]" * 900, b'{"a":' * 1_500 + b"1" + b"}" * 1_500, b"[" * 5_000),
    *(b'"9999-12-31T23:59:59Z"', b'"0001-01-01T00:00:00+14:00"', b'"2026-02-30T25:61:61Z"', b'"1e400"'),
    *(b'{"email":["a"]}', b'["a",1,null,{}]', b'{"":{"":""}}', b'"http://[::1/"', b'"//%zz:port"', b"1,2"),
    *(b'"http://acme.test:99999999/"', b'"\\u202e"', b'"\\r\\nX: y"', b"{" + b'"k":1,' * 1_200 + b'"k":1}'),
)
"""What may stand at any place of a JSON, where something else was expected."""
_ODD_TEXTS: Final = (
    *(
        b"%",
        b"%zz",
        b"%E9%",
        b"%00",
        b"%ff%fe",
        b"%ed%a0%80",
        b"%F0%9F",
        b"9" * 5_000,
        b"1e999",
        b"NaN",
        b"-1",
    ),
    *(b"=", b"{", b"[[[[", b"e30=", b"====", b"a" * 5, b"%7B%22a%22%3A", b"%5B" * 900, b"x" * 3_000, b""),
    *(b"2026-13-45", b"null", b"http%3A%2F%2F%5B", b"%0D%0AX%3A+y", b"+", b"\xe9", b"\xff" * 9),
)
"""What may stand in a query or a form."""
_TYPES: Final = (
    *(b"application/json", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data"),
    *(
        b"multipart/form-data; boundary=b",
        b"application/cloudevents+json",
        b"application/json; charset=utf-16",
    ),
    *(b"application/cloudevents-batch+json", b"\xff\xfe", b"", b";;;=", b"multipart/form-data; boundary="),
)
_ENCODINGS: Final = (
    b"gzip",
    b"deflate",
    b"br",
    b"zstd",
    b"gzip, gzip",
    b"compress",
    b"\xff",
    b"identity",
    b"UTF-8",
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/_-]{20,}")
_PAIR: Final = re.compile(rb"[^&;\r\n]+")


def variants(requests: list[Request], count: int, seed: int) -> Iterator[Request]:
    """So many malformed requests, of each request in turn."""
    random = Random(seed)
    for at in range(count):
        yield malformed(requests[at % len(requests)], random)


def malformed(request: Request, random: Random) -> Request:
    """One request with one or two things wrong, in any of the ways known here."""
    for _ in range(random.choice((1, 1, 2))):
        request = random.choice(_WAYS)(request, random)
    return request


def _cut(request: Request, random: Random) -> Request:
    return replace(request, body=request.body[: random.randrange(len(request.body) + 1)])


def _flipped(request: Request, random: Random) -> Request:
    body = bytearray(request.body)
    for _ in range(random.randint(1, 4)):
        if body:
            body[random.randrange(len(body))] = random.randrange(256)
    return replace(request, body=bytes(body))


def _stuffed(request: Request, random: Random) -> Request:
    at = random.randrange(len(request.body) + 1)
    piece = random.choice((*_ODD, *_ODD_TEXTS, b"\0", b"\xff", b"&", b"--b\r\n", b",", b"\xef\xbb\xbf"))
    return replace(request, body=request.body[:at] + piece + request.body[at:])


def _replaced(request: Request, random: Random) -> Request:
    bodies = (
        b"",
        b" ",
        b"null",
        b"7",
        b'"x"',
        b"[]",
        b"{}",
        b"[" * 200_000,
        b'{"a":' * 50_000,
        b"\0" * 2_000,
    )
    more = (
        b"{}\n" * 500,
        b"a=b&" * 2_000,
        b"\xff" * 99,
        b"[{}]",
        b'{"batch":[{}]}',
        b'{"data":[null]}',
        b"[[{}]]",
    )
    return replace(request, body=random.choice((*bodies, *more, random.randbytes(60))))


def _typed(request: Request, random: Random) -> Request:
    return _headed(request, b"content-type", random.choice(_TYPES))


def _claimed(request: Request, random: Random) -> Request:
    """Packed as it does not say, or not packed as it says."""
    named = _headed(request, b"content-encoding", random.choice(_ENCODINGS))
    return random.choice((named, _repacked(named, random)))


def _repacked(request: Request, random: Random) -> Request:
    packed = random.choice((gzip.compress, zlib.compress, brotli.compress, zstd.compress))(request.body)
    cut = random.choice((len(packed), len(packed) - 3, len(packed) // 2))
    return replace(request, body=packed[:cut] + random.choice((b"", b"", b"behind", packed)))


def _recoded(request: Request, random: Random) -> Request:
    text = request.body.decode("latin-1")
    return replace(request, body=text.encode(random.choice(("utf-16", "utf-8", "utf-32", "utf-7"))))


def _json_changed(request: Request, random: Random) -> Request:
    """Something odd in the place of a value; a field left out, said twice, named otherwise."""
    body, pack = _unpacked(request.body)
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return _stuffed(request, random)
    places = list(_places(told)) if isinstance(told, dict | list) else []
    if not places:
        return _replaced(request, random)
    inside, name = random.choice(places)
    how = random.random()
    if isinstance(inside, dict) and how < 0.15:
        del inside[name]
        changed = _dumped(told)
    elif isinstance(inside, dict) and how < 0.25:
        again = _dumped(name)
        inside[name], before = _MARK, inside[name]
        twice = _dumped(before) + b"," + again + b":" + random.choice(_ODD)
        changed = _dumped(told).replace(_MARKED, twice)
    elif isinstance(inside, dict) and how < 0.3:
        inside[random.choice(("", "x" * 600, "\ud800", "a.b", "__proto__", "constructor"))] = inside.pop(name)
        changed = _dumped(told)
    else:
        inside[name] = _MARK
        changed = _dumped(told).replace(_MARKED, random.choice(_ODD))
    return replace(request, body=pack(changed))


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _unpacked(body: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    if body[:2] != b"\x1f\x8b":
        return body, bytes
    try:
        return zlib.decompressobj(31).decompress(body, 1_000_000), lambda told: gzip.compress(
            told, 1, mtime=0
        )
    except zlib.error:
        return body, bytes


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON at which something stands."""
    for name, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, name
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _pairs_changed(request: Request, random: Random) -> Request:
    """The same of a query or a form."""
    path, mark, query = request.target.partition(b"?")
    if not query or (request.body and random.random() < 0.6):
        return replace(request, body=_of_pairs(request.body, random))
    return replace(request, target=path + mark + _address(_of_pairs(query, random)))


def _of_pairs(text: bytes, random: Random) -> bytes:
    pairs = list(_PAIR.finditer(text))
    if not pairs:
        return text + random.choice(_ODD_TEXTS)
    one = random.choice(pairs)
    name, _, _ = one[0].partition(b"=")
    odd = name + b"=" + random.choice((*_ODD_TEXTS, *(value for value in _ODD if len(value) < 3_000)))
    instead = random.choice(
        (odd, odd, odd, b"", one[0] + b"&" + odd, b"&" * 1_100, name + b"[]=1", b"%zz=" + name)
    )
    return text[: one.start()] + instead + text[one.end() :]


def _address(text: bytes) -> bytes:
    """What can stand in a request line: a blank there ends it."""
    return re.sub(rb'[\x00-\x20"\x7f]', lambda found: b"%%%02X" % found[0][0], text)


def _base64_broken(request: Request, random: Random) -> Request:
    def of(text: bytes) -> bytes:
        found = list(_BASE64.finditer(text))
        if not found:
            return text
        one = random.choice(found)
        cut = one.start() + random.randrange(len(one[0]))
        return (
            text[:cut] + random.choice((b"!", b"=", b"\xe9", b"", b"A", b"%3D%3D", b"_-")) + text[cut + 1 :]
        )

    return replace(request, body=of(request.body), target=_address(of(request.target)))


def _headers_odd(request: Request, random: Random) -> Request:
    odd = random.choice(
        (b"\xff\xfe", b"", b"x" * 9_000, b"Basic %%%", b"Basic /w==", b"Bearer", b"\xc3\xa9", b"Bearer \xff")
    )
    known = (
        b"authorization",
        b"user-agent",
        b"origin",
        b"referer",
        b"cookie",
        b"sentat",
        b"anonymousid",
        b"host",
    )
    more = (
        b"content-type",
        b"sp-anonymous",
        b"posthog-request-timestamp",
        b"ce-id",
        b"ce-time",
        b"x-forwarded-for",
    )
    hostile = (b"http://[", b"https://[::1", b"mautic_device_id=\xff;=;;", b"Mozilla/" + b"\xfe" * 300)
    return _headed(request, random.choice((*known, *more)), random.choice((odd, odd, *hostile)))


def _unkeyed(request: Request, random: Random) -> Request:
    """Without its key, or with another."""
    target = re.sub(
        rb"(key|Key|idsite|aid|tid|measurement_id|api_secret)=[^&]*", rb"\1=nobody-s", request.target
    )
    key = random.choice((b"", b"Bearer nobody-s", b"Basic bm9ib2R5LXM6"))
    return _headed(replace(request, target=target), b"authorization", key)


def _elsewhere(request: Request, random: Random) -> Request:
    """What is for another path, or asked for otherwise."""
    path, mark, query = request.target.partition(b"?")
    if random.random() < 0.4:
        return replace(request, method=random.choice(("PUT", "DELETE", "PATCH", "GET", "POST")))
    tail = random.choice(
        (b"%00", b"/", b"%", b"%ff", b"/../../x", b"%2e%2e", b"x" * 3_000, b".gif", b"//", b"%0d%0a")
    )
    return replace(request, target=path + tail + mark + query)


def _headed(request: Request, name: bytes, value: bytes) -> Request:
    headers = tuple(one for one in request.headers if one[0].lower() != name)
    return replace(request, headers=(*headers, (name, value)))


_WAYS: Final[tuple[Callable[[Request, Random], Request], ...]] = (
    *(_json_changed,) * 6,
    *(_pairs_changed,) * 3,
    *(_cut, _flipped, _flipped, _stuffed, _stuffed, _replaced, _typed, _claimed, _repacked, _recoded),
    *(_base64_broken, _base64_broken, _headers_odd, _headers_odd, _unkeyed, _elsewhere),
)


def broken_wires(request: Request) -> Iterator[bytes]:
    """The bytes of a request that breaks HTTP itself; after each, the sender says no more."""
    start = b"%s %s HTTP/1.1\r\n" % (request.method.encode(), request.target)
    heads = b"".join(b"%s: %s\r\n" % one for one in request.headers)
    head, body = start + heads, request.body
    for length in (b"-1", b"1e3", b"99999999999999999999", b"0x10", b"+5", b"", b"5, 6"):
        yield head + b"Content-Length: " + length + b"\r\n\r\n" + body
    yield head + b"Content-Length: %d\r\n\r\n" % (len(body) + 100) + body
    yield head + b"Content-Length: %d\r\n\r\n" % (len(body) // 2) + body
    yield head + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n" + body
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n"
    yield chunked + b"zz\r\n" + body
    yield chunked + b"ffffffffffffffffff\r\n" + body
    yield chunked + b"5\r\nabcdefghij\r\n0\r\n\r\n"
    yield chunked + b"%x\r\n%s\r\n" % (len(body), body)  # no end
    yield chunked + b"4;" + b"x" * 9_000 + b"\r\n"
    yield head + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"
    yield head + b"Transfer-Encoding: gzip\r\n\r\n" + body
    yield start + heads[: len(heads) // 2]
    yield start + b"X: " + b"x" * 70_000 + b"\r\n\r\n"
    yield start + b"X\0Y: z\r\n no colon\r\n\r\n"
    yield b"%s\r\n\r\n" % request.target
    yield start.replace(b"HTTP/1.1", b"HTTP/9.9") + heads + b"\r\n"
    yield b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 50  # TLS
    yield b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
