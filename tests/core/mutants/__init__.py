"""Mutants: small faults for the core, each of which the proofs have to find (see `trial`).

A file holds the faults of one module of the core, or of a few small ones that belong together.
"""

from .ledger import LEDGER
from .mutant import Mutant
from .places import PLACES
from .reports import REPORTS
from .returns import RETURNS
from .serving import SERVING
from .trust import TRUST

__all__ = ["MUTANTS", "Mutant"]

MUTANTS = (*LEDGER, *RETURNS, *REPORTS, *SERVING, *PLACES, *TRUST)
