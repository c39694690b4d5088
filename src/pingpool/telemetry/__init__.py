"""What a pool shows of itself: timelines, the slot's diagram, the search for the idle limit, sizes and counters."""
