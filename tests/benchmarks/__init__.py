"""What is measured: how fast, how much memory, for how long."""
