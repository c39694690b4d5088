"""What a pool shows of itself: timelines, the page about slots, the search for the idle limit, sizes and counters."""
