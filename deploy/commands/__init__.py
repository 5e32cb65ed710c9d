"""The commands of `leadheat`, one module for each kind."""
