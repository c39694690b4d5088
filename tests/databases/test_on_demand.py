"""Drivers are imported only when the class that needs them is asked for."""

import subprocess
import sys

import pytest

import pingpool.databases.postgres as postgres

DRIVERS = ("aiomysql", "aiosqlite", "asyncio", "asyncpg", "psycopg", "pymysql", "redis", "sqlite3", "valkey")


@pytest.mark.parametrize("folder", ["mysql", "postgres", "redis", "sqlite"])
def test_a_folder_imports_no_driver(folder: str) -> None:
    """Who imports a folder pays for no driver, and needs none; nor is asyncio imported."""
    assert fresh(f"import sys, pingpool.databases.{folder}; print(*{{*sys.modules}} & {{*{DRIVERS}}})") == ""


@pytest.mark.parametrize(
    ("asked", "spared"),
    [("sqlite import SQLite", "asyncio"), ("mysql import MySQL", "asyncio"), ("postgres import Postgres", "asyncpg")],
)
def test_a_class_for_threads_imports_nothing_of_the_other_world(asked: str, spared: str) -> None:
    """Neither asyncio nor a driver for it is imported, unless the driver itself does that."""
    assert fresh(f"import sys; from pingpool.databases.{asked}; print({spared!r} in sys.modules)") == "False"


@pytest.mark.parametrize(
    ("driver", "asked", "extra"),
    [
        ("psycopg", "postgres import Postgres", "postgres"),
        ("psycopg", "postgres import AsyncPostgres", "postgres"),
        ("asyncpg", "postgres import AsyncPG", "asyncpg"),
        ("aiomysql", "mysql import AsyncMySQL", "aiomysql"),
        ("aiosqlite", "sqlite import AsyncSQLite", "aiosqlite"),
    ],
)
def test_a_driver_that_is_missing_is_named(driver: str, asked: str, extra: str) -> None:
    """The error says what to install."""
    program = f"""
import sys
sys.modules[{driver!r}] = None
try:
    from pingpool.databases.{asked}
except ImportError as error:
    print(error)
"""
    assert f'pip install "pingpool[{extra}]"' in fresh(program)


def test_a_name_that_is_not_there_is_missing_as_ever() -> None:
    """A typo raises what it does everywhere."""
    with pytest.raises(AttributeError, match=r"pingpool\.databases\.postgres.*Postgress"):
        getattr(postgres, "Postgress")  # noqa: B009


def fresh(program: str) -> str:
    """Return what a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
