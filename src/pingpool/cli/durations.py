"""Times as a person types and reads them: `90s`, `5m`, "1 h 20 min"."""

import math

UNITS = {
    **dict.fromkeys(("", "s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
    "ms": 0.001,
}
"""Seconds in each unit."""


def seconds_of(text: str) -> float:
    """Parse `20ms`, `90s`, `1.5m` or `2 h`; `90` alone is so many seconds.

    Raises:
        ValueError: it is no time, or not positive, or does not end.
    """
    number = text.strip().rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text.strip()[len(number) :].strip()
    try:
        seconds = float(number) * UNITS[unit]
    except (KeyError, ValueError):
        raise ValueError(f"{text!r} is no time; write 20ms, 90s, 5m or 2h") from None
    if not 0 < seconds < math.inf:
        raise ValueError(f"{text!r} is no time that begins and ends")
    return seconds


def spoken(seconds: float) -> str:
    """Write a time with its units, rounded down: `0.25 s`, `12.3 s`, `5 min`, `5 min 50 s`, `1 h 20 min`."""
    if seconds < 60:
        scale = 100 if seconds < 10 else 10
        return f"{math.floor(seconds * scale) / scale:g} s"
    large, small, size = (" min", " s", 60) if seconds < 3600 else (" h", " min", 3600)
    whole, rest = divmod(int(seconds), size)
    rest //= size // 60
    return f"{whole}{large}" + (f" {rest}{small}" if rest else "")
