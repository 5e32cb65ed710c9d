"""The stream's engine in one process, seeded: the product's own cycle over a broker and faults in memory."""
