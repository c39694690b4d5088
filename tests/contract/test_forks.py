"""The contract of a forked child: its pools start empty, and what they inherited is out of everybody's reach.

The hooks are called here, in one process; real forks are in `tests/threads/test_fork.py`.
"""

import gc
import os
import runpy
import sys
import weakref

import pytest

from pingpool.errors import NotLent
from pingpool.pool import forks
from pingpool.testing import FakeSession, FaultyDatabase
from tests.contract.world import World


@pytest.fixture(autouse=True)
def no_other_pools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hooks know the pools of this test alone."""
    monkeypatch.setattr(forks, "_pools", weakref.WeakKeyDictionary())
    monkeypatch.setattr(forks, "_keep_for_ever", forks._inherited.append)


def fork() -> None:
    """Let every pool believe that it woke up in a child."""
    forks._before_fork()
    forks._after_fork_in_child()


def untouched(database: FaultyDatabase, *sessions: FakeSession) -> bool:
    """Has the database met no call about these sessions since they were created?"""
    return database.calls["ping"] == database.calls["delete"] == 0 and all(each.is_alive for each in sessions)


@pytest.mark.parametrize("has_ctypes", [True, False])
async def test_a_child_starts_with_an_empty_pool(
    world: World, has_ctypes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child opens sessions of its own; those of the parent are neither lent, nor ended, nor collected."""
    if not has_ctypes:
        monkeypatch.setitem(sys.modules, "ctypes", None)
    pool = await world.open(size=3)
    inherited = weakref.ref(pool.bare._desk)
    lent = await pool.get()
    theirs = list(world.database.live)
    fork()
    pool.drop(lent.number)
    gc.collect()
    assert inherited() is not None
    assert pool.stats().in_use == 0
    with pytest.raises(NotLent):
        await pool.put(lent)
    ours = [await pool.get(5) for _ in range(3)]
    assert not set(theirs) & set(ours)
    assert untouched(world.database, *theirs)
    for session in ours:
        await pool.put(session)
    assert pool.stats().idle == 3


async def test_a_pool_that_was_never_bound_is_so_in_a_child(world: World) -> None:
    """It is bound there, or not: that is up to the child."""
    pool = world.pool(size=2)
    fork()
    assert pool.stats().vacant == 2
    await pool.bind(world.database)
    assert pool.stats().idle == 2


def test_a_process_without_pools_pays_nothing_for_a_fork() -> None:
    """There is nothing to keep, so nothing is imported for it."""
    before = forks._keep_for_ever
    fork()
    assert forks._keep_for_ever is before


def test_a_system_that_cannot_fork_needs_no_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is imported there all the same."""
    monkeypatch.delattr(os, "register_at_fork")
    assert "in_every_child" in runpy.run_path(forks.__file__)
