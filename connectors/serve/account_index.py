"""Under which keys of the cache an account is found: its row, and its places in the list's orders."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from connectors.serve.cache import Cache
from scorer.account_name import normal

ROWS: Final = "accounts"
BY_SCORE: Final = "accounts_by_score"
BY_NAME: Final = "accounts_by_name"
SEPARATOR: Final = "\x00"
Row = dict[str, Any]


async def rows_of(cache: Cache, accounts: Iterable[str]) -> dict[str, Row]:
    """The rows of some accounts; those without one are left out."""
    listed = list(accounts)
    if not listed:
        return {}
    texts = await cache.redis.hmget(cache.key(ROWS), listed)
    return {one: msgspec.json.decode(text) for one, text in zip(listed, texts, strict=True) if text}


async def places_of(cache: Cache, accounts: Iterable[str]) -> dict[str, str | None]:
    """Where each account stands in the order by name; None: nowhere yet."""
    held = await rows_of(cache, accounts)
    return {one: by_name(held[one]) if one in held else None for one in accounts}


def by_name(row: Row) -> str:
    """The text by which an account sorts by name; ends with the account."""
    name = normal(row.get("company") or row["account"]).replace(SEPARATOR, "")
    return f"{name}{SEPARATOR}{row['account']}"


def account_of(member: str) -> str:
    """The account at the end of a member of the order by name."""
    return member.split(SEPARATOR, 1)[1]


def place(cache: Cache, pipe: Any, account: str, before: str | None, row: Row | None) -> None:
    """Takes up an account's row, or drops what is known of it."""
    after = by_name(row) if row else None
    if before is not None and before != after:
        pipe.zrem(cache.key(BY_NAME), before)
    if row is None:
        pipe.hdel(cache.key(ROWS), account)
        pipe.zrem(cache.key(BY_SCORE), account)
        return
    pipe.hset(cache.key(ROWS), account, msgspec.json.encode(row).decode())
    pipe.zadd(cache.key(BY_SCORE), {account: row["most"]})
    if after is not None and before != after:
        pipe.zadd(cache.key(BY_NAME), {after: 0.0})
