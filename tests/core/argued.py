"""Mutants of the core that no test can find, because they are no faults: each with the reason.

The key is the module, the line as it is, and the line as the mutant has it (`make mutants` prints all three).
"""

ARGUED: dict[tuple[str, str, str], str] = {
    (
        "backoff",
        "pause = FIRST_PAUSE * 2.0 ** min(failures, 10)",
        "pause = FIRST_PAUSE * 2.0 ** min(failures, 11)",
    ): "The 10 only keeps the power from overflowing; the pause has its own limit long before that.",
}
