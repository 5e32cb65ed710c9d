"""The signs that several hits show together: of one mail, and from one address."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from connectors.ingest.robots.hits import Hit, Mail
from connectors.ingest.robots.rules import Rules

_OF_A_PROGRAM: Final = frozenset(
    {
        "machine-click",
        "crawler-agent",
        "scanner-agent",
        "empty-agent",
        "scanner-network",
        "cloud-network",
        "before-delivery",
        "soon-after-delivery",
    }
)
"""What one hit of a burst shows is true of all: one program made them."""

_LISTED: Final = frozenset({"scanner-network", "cloud-network"})

Signs = dict[Hit, set[str]]


def mail_signs(mail: Mail, rules: Rules) -> Signs:
    """The signs of a mail's hits by its delivery and by each other."""
    hits = sorted((hit for hit in mail.hits if "head-request" not in hit.own), key=lambda hit: hit.moment)
    clicks = [hit for hit in hits if hit.click]
    signs: Signs = defaultdict(set)
    _delivery(clicks, mail.delivered, rules, signs)
    for name, links in (("burst", rules.burst), ("all-links", rules.all_links)):
        for run in runs(clicks, links.within, links.links, lambda hit: hit.link):
            _all_of(run, name, signs)
    second = rules.same_second
    for run in runs(hits, second.within, second.activities, lambda hit: (hit.event.type, hit.link)):
        _all_of(run, "same-second", signs)
    _honeypot(clicks, rules, signs)
    _link_checks(clicks, rules, signs)
    return signs


def address_signs(hits: Iterable[Hit], rules: Rules) -> Signs:
    """The signs of hits from one address: clicks for many leads of one domain at once."""
    signs: Signs = defaultdict(set)
    by_domain: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        if hit.click and "head-request" not in hit.own:
            by_domain[hit.mail.lead.rpartition("@")[2] if "@" in hit.mail.lead else ""].append(hit)
    many = rules.many_leads
    for found in by_domain.values():
        found.sort(key=lambda hit: hit.moment)
        for run in runs(found, many.within, many.leads, lambda hit: hit.mail.lead):
            for hit in run:
                signs[hit].add("many-leads")
    return signs


def runs(
    hits: Sequence[Hit], within: int, least: int, what: Callable[[Hit], object]
) -> Iterable[Sequence[Hit]]:
    """The longest stretches of hits, in order of time, that so many different ones within a time make up."""
    if len(hits) < least:
        return
    start = first = end = 0
    inside: Counter[object] = Counter()
    for last, hit in enumerate(hits):
        inside[what(hit)] += 1
        while hit.moment - hits[first].moment > within:
            gone = what(hits[first])
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            first += 1
        if len(inside) >= least:
            if first >= end:
                if end > start:
                    yield hits[start:end]
                start = first
            end = last + 1
    if end > start:
        yield hits[start:end]


def _delivery(clicks: Sequence[Hit], delivered: int | None, rules: Rules, signs: Signs) -> None:
    if delivered is None:
        return
    for hit in clicks:
        after = hit.moment - delivered
        if -rules.before_delivery.before <= after <= rules.before_delivery.until:
            signs[hit].add("before-delivery")
        elif 0 <= after <= rules.soon_after_delivery.within:
            signs[hit].add("soon-after-delivery")


def _all_of(run: Sequence[Hit], name: str, signs: Signs) -> None:
    shared = {sign for hit in run for sign in (*hit.own, *signs[hit]) if sign in _OF_A_PROGRAM}
    for hit in run:
        signs[hit] |= {name, *shared}


def _honeypot(clicks: Sequence[Hit], rules: Rules, signs: Signs) -> None:
    caught = [hit.moment for hit in clicks if "honeypot" in hit.own]
    for hit in clicks:
        if any(abs(hit.moment - moment) <= rules.honeypot.around for moment in caught):
            signs[hit].add("honeypot")


def _link_checks(clicks: Sequence[Hit], rules: Rules, signs: Signs) -> None:
    """A link is checked while somebody clicks it: of two clicks from two addresses one is the person's."""
    for place, one in enumerate(clicks):
        for other in clicks[place + 1 :]:
            if other.moment - one.moment > rules.link_check.within:
                break
            if one.link == other.link and one.address and other.address and one.address != other.address:
                later = _LISTED & other.own and not _LISTED & one.own
                signs[other if later else one].add("link-check")
