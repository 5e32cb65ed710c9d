"""A second opinion on every score: the contract recomputed naively, with no code of the scorer's.

Slow on purpose: each moment asked for is recomputed from the events themselves, so that every line can be
held against the contract. Moments are integer microseconds since 1970 UTC; lines are (file, number, bytes).
"""

from tests.oracle.scores import naive_as_arrived, naive_score, naive_transitions

__all__ = ["naive_as_arrived", "naive_score", "naive_transitions"]
