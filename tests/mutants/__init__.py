"""Mutants of the engine: each breaks one rule that nothing may break, and is red in a named scenario."""
