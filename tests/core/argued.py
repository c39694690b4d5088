"""Mutants of the core that no test can find, because they are no faults: each with the reason.

The key is the module, the line as it is, and the line as the mutant has it (`make mutants` prints all three).
"""

ARGUED: dict[tuple[str, str, str], str] = {}
