"""Leaves out of doctests what imports packages that only the benchmarks' own environment has."""

collect_ignore_glob = ["plots.py", "programs/*"]
