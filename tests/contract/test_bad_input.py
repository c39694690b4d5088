"""Bad input gets a clear error at once, and changes nothing."""

import math
from typing import Any

import pytest

from tests.contract.world import World

Bad = tuple[Any, type[Exception]]

NOT_SECONDS: list[Bad] = [
    (-1, ValueError),
    (-0.001, ValueError),
    (-math.inf, ValueError),
    (math.nan, ValueError),
    ("5", TypeError),
    (True, TypeError),
    ([5], TypeError),
    (5j, TypeError),
]
"""What is no time to wait, and the error it gets."""

NOT_COUNTS: list[Bad] = [
    (0, ValueError),
    (-1, ValueError),
    (1.5, TypeError),
    (2.0, TypeError),
    (True, TypeError),
    ("a", TypeError),
    (math.inf, TypeError),
]
"""What is no number of things, and the error it gets."""

NOT_LABELS = ["team", 5, ["team"], {"team": 1}, {1: "shop"}, {"team": None}]
NOT_WAITERS = [
    (-1, ValueError),
    (math.inf, ValueError),
    (math.nan, TypeError),
    (1.5, TypeError),
    (True, TypeError),
    ("a", TypeError),
]

BAD_VALUES: dict[str, list[Bad]] = {
    "size": [*NOT_COUNTS, (None, TypeError)],
    "workers": NOT_COUNTS,
    "default_timeout": NOT_SECONDS,
    "ping_interval": [*NOT_SECONDS, (None, TypeError), ("Auto", TypeError), ("", TypeError)],
    "max_lifetime": [*NOT_SECONDS, (0, ValueError), (math.inf, ValueError)],
    "io_timeout": [*NOT_SECONDS, (0, ValueError), (None, TypeError)],
    "max_waiters": NOT_WAITERS,
    "name": [(5, TypeError), (b"pool", TypeError), (["pool"], TypeError)],
    "labels": [(value, TypeError) for value in NOT_LABELS],
}
"""What cannot be meant by an option, and the error it gets."""


@pytest.mark.parametrize(
    ("option", "value", "error"), [(option, *bad) for option, values in BAD_VALUES.items() for bad in values]
)
async def test_an_option_that_makes_no_sense_is_refused(
    world: World, option: str, value: Any, error: type[Exception]
) -> None:
    """A pool refuses what cannot be meant, and the error names the option and the value."""
    with pytest.raises(error) as caught:
        world.pool(**{option: value})
    assert option in str(caught.value)
    assert value in NOT_LABELS or repr(value) in str(caught.value)


@pytest.mark.parametrize("option", ["default_timeout", "ping_interval", "max_lifetime", "io_timeout"])
async def test_seconds_that_no_float_can_hold_are_refused(world: World, option: str) -> None:
    """However long a whole number is: nobody could add it to a time."""
    for value in (10**400, 10**10_000):
        with pytest.raises(ValueError, match=f"{option} is a larger number than any float"):
            world.pool(**{option: value})
    pool = await world.open(size=1)
    with pytest.raises(ValueError, match="timeout is a larger number"):
        await pool.get(10**400)


async def test_an_unknown_option_is_refused(world: World) -> None:
    """A misspelt option is no option."""
    with pytest.raises(TypeError, match="sise"):
        world.pool(sise=5)


@pytest.mark.parametrize(("timeout", "error"), NOT_SECONDS)
async def test_get_refuses_what_is_no_timeout(world: World, timeout: Any, error: type[Exception]) -> None:
    """`get` and `session` lend nothing for a timeout that makes no sense, though there are sessions."""
    pool = await world.open(size=1)
    with pytest.raises(error, match="timeout"):
        await pool.get(timeout)
    with pytest.raises(error, match="timeout"):
        async with pool.session(timeout):
            pytest.fail("nothing is lent")
    assert pool.stats().idle == 1


@pytest.mark.parametrize(("timeout", "error"), [*NOT_SECONDS, (None, TypeError)])
async def test_close_refuses_what_is_no_timeout(world: World, timeout: Any, error: type[Exception]) -> None:
    """`close` with a timeout that makes no sense leaves the pool open."""
    pool = await world.open(size=1)
    with pytest.raises(error, match="timeout"):
        await pool.close(timeout)
    assert (await pool.get(0)).use()
