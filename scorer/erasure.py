"""Erasure in a shard: what an order to forget a person takes away, and whom it is passed on to."""

from typing import Final

import msgspec

from scorer import handover, topics
from scorer.blocks import Block
from scorer.event import Event, decode
from scorer.handover import Allow, Erase, Forwarded, Misplaced, Moved, Tie
from scorer.identity import tied
from scorer.lead import Lead
from scorer.messages import Changes, Record, Send
from scorer.residents import Residents
from scorer.times import format_time

ERASED: Final = "leadheat.erased"
"""Header of a score record without value: nothing of this id may be shown any more, whoever holds it."""

NOBODY: Final = ""
"""In place of an erased lead among the ties of a computer that others use too: what was its, is dropped."""


class Notice(msgspec.Struct):
    """A record of the topic of erasures, whose key is the hash of an id, in hexadecimal."""

    erased: str
    allowed: str | None = None
    """From when on the id may come again."""


def take(residents: Residents, key: bytes, order: Erase | Allow, record: Record, changes: Changes) -> None:
    """Carries out an order on the partition of the id that it is for; a repeat changes nothing."""
    block = residents.blocks.of(key)
    if block is not None and record.offset <= block.offset and (block.allowed or not residents.has(key)):
        _tell(residents, key, block, changes)  # once more: a crash may have cut it off
    elif isinstance(order, Allow):
        if block is not None and block.allowed is None:
            block = msgspec.structs.replace(block, offset=record.offset, allowed=record.timestamp)
            residents.block(key, block)
            _tell(residents, key, block, changes)
    elif block is not None and block.allowed and _moment(order, record) <= block.allowed:
        pass  # it was passed on since before the id was allowed again: this is another life
    elif not residents.has(key):
        _forget(residents, key, Lead(), [], order, record, changes)
    else:
        lead = residents.touch(key, record.timestamp).lead
        if (names := _whole(key.decode(), lead, order)) is None:
            _part(lead, order.names)
        else:
            onward = _onward(key.decode(), lead, names, order, record)
            _forget(residents, key, lead, onward, order, record, changes)


def turn_away(
    residents: Residents, key: bytes, message: handover.Message, record: Record, changes: Changes
) -> None:
    """What is handed over to an erased id is dropped, and who hands it over is that person, or was, too."""
    name, block = key.decode(), residents.blocks.of(key)
    if block is None:
        return
    if isinstance(message, Moved):
        _pass_on({message.sender, *message.evidence.members}, {name, message.sender}, block, record, changes)
    elif isinstance(message, Forwarded):
        _pass_on({message.sender}, {name}, block, record, changes)
        turn_away_event(residents, key, decode(message.event), record, changes)
    elif isinstance(message, Misplaced):
        turn_away_event(residents, key, decode(message.event), record, changes)
    elif isinstance(message, Tie) and message.by_alias and record.timestamp <= block.erased:
        _pass_on({message.lead}, {name, message.lead}, block, record, changes)


def turn_away_event(residents: Residents, key: bytes, event: Event, record: Record, changes: Changes) -> None:
    """An event of an erased id is dropped; the id that one under way says is the same person's, goes too."""
    block, said = residents.blocks.of(key), tied(event)
    if block and said and record.timestamp <= block.erased:
        other, by_alias = said
        _pass_on({other}, {key.decode(), *([other] if by_alias else [])}, block, record, changes)


def _pass_on(to: set[str], names: set[str], block: Block, record: Record, changes: Changes) -> None:
    """Without an outbox: where a crash cuts this off, the record is read again."""
    order = handover.encode(Erase(sorted(names), block.erased))
    changes.outbox += [
        Send(topics.HANDOVER, one.encode(), order, record.timestamp) for one in sorted(to) if one
    ]


def _whole(name: str, lead: Lead, order: Erase) -> set[str] | None:
    """The names of the person that an id is, all of it; None where it is somebody else's, or also."""
    names = set(order.names)
    if lead.known:
        mine = name in names or lead.redirect in names
        return names | ({lead.redirect} if lead.redirect else set()) if mine else None
    leads = {tied for _, tied in lead.ties if tied != NOBODY}
    if name in names and len(leads) == 1:
        names |= leads
    return names if leads <= names else None


def _part(lead: Lead, names: list[str]) -> None:
    """Blots out a person among those that an id is tied to."""
    blotted = {(moment, NOBODY if tied in names else tied) for moment, tied in lead.ties}
    lead.ties = sorted(blotted)
    lead.aliases = [alias for alias in lead.aliases if alias not in names]
    lead.handed = {sender: number for sender, number in lead.handed.items() if sender not in names}


def _onward(name: str, lead: Lead, names: set[str], order: Erase, record: Record) -> list[Send]:
    """The order to all that the id knows of the person, but for those that have it."""
    told = handover.encode(Erase(sorted(names | {name}), _moment(order, record)))
    others = {*names, *lead.evidence.members, *lead.handed} - {*order.names, name}
    return [Send(topics.HANDOVER, one.encode(), told, record.timestamp) for one in sorted(others)]


def _moment(order: Erase, record: Record) -> int:
    return order.at or record.timestamp


def _forget(
    residents: Residents,
    key: bytes,
    lead: Lead,
    onward: list[Send],
    order: Erase,
    record: Record,
    changes: Changes,
) -> None:
    before = residents.blocks.of(key)
    erased, sent = _moment(order, record), lead.sent
    if before:
        erased, sent = max(erased, before.erased), max(sent, before.sent)
    block = Block(erased, record.offset, sent)
    # Hand-overs decided before still go: whoever gets one sends the person's trace back to the block.
    residents.erase(key, [send for send in lead.outbox if send.topic == topics.HANDOVER] + onward)
    residents.block(key, block)
    _tell(residents, key, block, changes)


def is_deletion(send: Send) -> bool:
    """Whether it deletes the score record of somebody who was erased."""
    return any(name == ERASED for name, _ in send.headers)


def _tell(residents: Residents, key: bytes, block: Block, changes: Changes) -> None:
    """Tells the readers: those that follow, by the id; those that start later, by its hash."""
    hashed = residents.blocks.hasher.hash(key).hex().encode()
    if block.allowed is None:
        changes.scores.append(Send(topics.SCORES, key, None, block.erased, ((ERASED, hashed),)))
    allowed = None if block.allowed is None else format_time(block.allowed)
    notice = msgspec.json.encode(Notice(format_time(block.erased), allowed))
    changes.outbox.append(Send(topics.ERASURES, hashed, notice, block.erased))
