"""Asks which ports are free, and who answers at an address."""

import contextlib
import errno
import itertools
import os
import socket
import struct
from typing import Final
from urllib.parse import urlsplit

import redis
import redis.asyncio

from deploy.errors import PortInUseError, UnreachableError
from scorer.brokers import access_to

_ANSWER_WITHIN_S: Final = 3.0
_CORRELATION: Final = 0x4C48
_FIRST: Final = 11_000
_MANY: Final = 21_000
"""Ports below those that systems give to outgoing connections, from 32,768 on."""
_APART: Final = 12_979  # their golden section: processes of neighbouring ids begin far from each other
_places = itertools.count(os.getpid() * _APART)
# Kafka's first question, version 0, with no client id: which versions of which requests do you take?
_API_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, _CORRELATION, -1)


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports of this machine that nobody used a moment ago, all different.

    A process is given each once in a long time, and processes that ask at the same time look in different
    places: a port is still free when whoever asked for it listens, some seconds later.
    """
    with contextlib.ExitStack() as held:
        found: list[int] = []
        for place in itertools.islice(_places, _MANY):
            if len(found) == count:
                break
            port = _FIRST + place % _MANY
            one = held.enter_context(socket.socket())
            try:
                one.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                found.append(port)
        return found


def require_free(host: str, port: int, what: str, option: str) -> None:
    """Raises PortInUseError, which says what to do, unless we could listen there."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUseError(
                    f"port {port} on {host}, wanted for {what}, is in use by another program: "
                    f"stop that program, or choose another port with {option}"
                ) from error
            raise PortInUseError(f"cannot listen on {host}:{port} for {what}: {error.strerror}") from error


def split_address(address: str, default_port: int) -> tuple[str, int]:
    """Host and port of `host:port`, `[v6]:port` or a bare host.

    >>> split_address("kafka-1:9093", 9092), split_address("[::1]:9093", 9092), split_address("kafka-1", 9092)
    (('kafka-1', 9093), ('::1', 9093), ('kafka-1', 9092))
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        return address.strip("[]"), default_port
    return host.strip("[]"), int(port)


def require_broker(bootstrap: str) -> None:
    """Raises UnreachableError unless one of the brokers named answers as Kafka does."""
    problems = []
    for address in (one.strip() for one in bootstrap.split(",")):
        host, port = split_address(address, 9092)
        try:
            with socket.create_connection((host, port), timeout=_ANSWER_WITHIN_S) as connection:
                if access_to(bootstrap).tls is not None or _speaks_kafka(connection):
                    return  # with TLS, what speaks there is seen when the topics are looked at
            problems.append(f"{address} (takes connections, but does not answer as Kafka does)")
        except OSError as error:
            problems.append(f"{address} ({error.strerror or error})")
    raise UnreachableError(
        f"no Kafka broker answers at {', '.join(problems)}: start it or correct the address; "
        "`leadheat up` without --kafka starts a broker of its own"
    )


def answers_as_kafka(host: str, port: int) -> bool:
    """Whether a broker takes questions there: it takes connections a while before."""
    try:
        with socket.create_connection((host, port), timeout=_ANSWER_WITHIN_S) as connection:
            return _speaks_kafka(connection)
    except OSError:
        return False


def _speaks_kafka(connection: socket.socket) -> bool:
    """Whether the answer to Kafka's first question is one: its size, then our number."""
    with contextlib.suppress(OSError):  # a timeout, or hung up on
        connection.sendall(_API_VERSIONS)
        answer = b""
        while len(answer) < 8 and (more := connection.recv(8 - len(answer))):
            answer += more
        return answer[4:] == _CORRELATION.to_bytes(4, "big")
    return False


async def require_store(url: str) -> None:
    """Raises UnreachableError unless a Redis answers at a URL; the message leaves out the password."""
    try:
        client = redis.asyncio.from_url(
            url, socket_timeout=_ANSWER_WITHIN_S, socket_connect_timeout=_ANSWER_WITHIN_S
        )
    except ValueError as error:
        raise UnreachableError(f"--redis (LEADHEAT_REDIS) is no Redis URL: {error}") from None
    try:
        await client.ping()
    except redis.AuthenticationError as error:
        raise UnreachableError(
            f"the Redis at {_place(url)} wants a password, and not the one it was given, if any: "
            "write it into the URL, as in redis://:PASSWORD@HOST:PORT/0"
        ) from error
    except redis.ResponseError as error:  # it answers, and refuses: a database that is not there, no rights
        raise UnreachableError(f"the Redis at {_place(url)} refuses: {error}") from error
    except (redis.RedisError, OSError) as error:
        raise UnreachableError(
            f"no Redis answers at {_place(url)} ({type(error).__name__}): start it or correct the URL; "
            "`leadheat up` without --redis starts a store of its own"
        ) from error
    finally:
        await client.aclose()


def _place(url: str) -> str:
    """Where a Redis is, without its password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
