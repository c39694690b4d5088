"""What a PingingPool promises, as cases that any class of that name can be put through.

Each case is a function of a `Lab`; its docstring is the promise, and it raises what it likes when the promise is
broken. `CASES` says of each what Google's own class makes of it.
"""

from tests.databases.spanner_cases import giving_back, lending, making, pinging, through_the_client, trouble
from tests.databases.spanner_cases.promises import CASES, Case

__all__ = ["CASES", "Case", "giving_back", "lending", "making", "pinging", "through_the_client", "trouble"]
