"""The demonstration: sample leads of six weeks, made up from a seed and played through the real path."""
