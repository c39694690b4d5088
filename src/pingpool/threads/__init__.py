"""The world of threads: a latch held for transitions only, a gate for each who waits, a crew that does the I/O."""
