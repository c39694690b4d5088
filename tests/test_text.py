"""How numbers are said in the log and in errors."""

import pytest

from pingpool.text import in_seconds


@pytest.mark.parametrize(
    ("time", "said"),
    [
        (0.0, "0 s"),
        (3.77e-05, "0 s"),
        (0.0012, "0.001 s"),
        (0.2567, "0.257 s"),
        (1.0, "1 s"),
        (2.346, "2.35 s"),
        (999.4, "999 s"),
        (999.6, "1000 s"),
        (86400.4, "86400 s"),
    ],
)
def test_seconds_are_said_as_people_do(time: float, said: str) -> None:
    """Without an exponent, to three digits, and neither finer than a millisecond nor coarser than a second."""
    assert in_seconds(time) == said
