"""The world of threads: a latch held for transitions only, a gate for each who waits, workers that do the I/O."""
