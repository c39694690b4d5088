"""What a plug says where the framework that it is for is not installed."""

import subprocess
import sys

import pytest

PARTS = {
    "pingpool.plugins.django.middleware": ("django", "django"),
    "pingpool.plugins.flask": ("flask", "flask"),
    "pingpool.plugins.opentelemetry": ("opentelemetry", "opentelemetry"),
    "pingpool.plugins.prometheus": ("prometheus_client", "prometheus"),
    "pingpool.plugins.sqlalchemy": ("sqlalchemy", "sqlalchemy"),
    "pingpool.plugins.starlette": ("starlette", "starlette"),
    "pingpool.testing.spanner": ("google", "spanner,servers"),
}
"""The parts that need a package; which one, and the extras that bring it."""

IMPORT = """
import sys
sys.modules[{package!r}] = None  # as if it were not installed
try:
    import {part}
except ModuleNotFoundError as error:
    print(error.name, error)
"""


@pytest.mark.parametrize("part", PARTS)
def test_a_part_whose_package_is_missing_says_what_brings_it(part: str) -> None:
    """The error is the one that Python raises, and names the package, too."""
    package, extras = PARTS[part]
    program = IMPORT.format(package=package, part=part)
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    name, _, words = told.stdout.strip().partition(" ")
    assert name.partition(".")[0] == package
    assert words == f"{name} is not installed: pip install 'pingpool[{extras}]'"
