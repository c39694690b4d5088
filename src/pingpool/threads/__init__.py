"""The world of threads: one lock held for transitions only, a gate for each who waits, a crew that does the I/O."""
