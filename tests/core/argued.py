"""Mutants of the core that no test can find, because they are no faults: each with the reason.

The key is the module, the line as it is, and the line as the mutant has it (`make mutants` prints all three).
"""

ARGUED: dict[tuple[str, str, str], str] = {
    (
        "backoff",
        "self.pause = min(PATIENT / 1.5, FIRST_PAUSE * 2.0 ** min(self.failures, 10)) * (1 + self.jitter() / 2)",
        "self.pause = min(PATIENT / 1.5, FIRST_PAUSE * 2.0 ** min(self.failures, 11)) * (1 + self.jitter() / 2)",
    ): "The 10 only keeps the power from overflowing; the pause has its own limit long before that.",
}
