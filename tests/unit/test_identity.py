"""Identities: who is whose, by what has been said so far."""

from scorer.identity import Identities


def test_an_id_that_comes_as_a_lead_after_it_was_tied_is_a_lead_of_its_own() -> None:
    identities = Identities()
    identities.meet("u-1")
    assert identities.learn("a-1", 10, "u-1", by_alias=False) == "a-1"
    assert identities.learn("a-1", 10, "u-1", by_alias=False) == "a-1"
    assert identities.members() == {"u-1": ["a-1"]}
    assert identities.meet("a-1") == []
    assert (identities.members(), identities.holder("a-1", 10)) == ({}, "a-1")


def test_an_id_that_was_promised_becomes_a_lead_and_the_other_at_once() -> None:
    identities = Identities()
    identities.meet("u-1")
    identities.learn("u-2", 10, "u-1", by_alias=True)
    assert identities.meet("u-2") == ["u-2"]
    assert (identities.members(), identities.holder("u-2", 0)) == ({"u-1": ["u-2"]}, "u-1")
    assert identities.learn("u-2", 20, "u-1", by_alias=True) is None
