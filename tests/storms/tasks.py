"""A storm in asyncio: tasks that are cancelled, and time-outs around a use and inside it.

Run as `python -m tests.storms.tasks DRIVER CUTS SEED`; prints what was wrong, as JSON.
"""

import asyncio
import random
import sys
from typing import Any

import pingpool
from tests.storms.labs import IN_ASYNCIO
from tests.storms.tags import HOLDERS, LONGEST, PATIENCE, SIZE, Tags, is_well

CANCEL, AROUND, INSIDE = "cancel", "time-out around the use", "time-out caught inside"


class Storm:
    """Holders that are cut off in each way that asyncio knows."""

    def __init__(self, lab: Any, pool: Any, cuts: int, seed: int) -> None:
        self.lab = lab
        self.pool = pool
        self.tags = Tags((CANCEL, AROUND, INSIDE), cuts)
        self.seed = seed

    async def blow(self) -> None:
        """Let it all happen, until there were so many cuts."""
        await asyncio.gather(*(self.hold(number) for number in range(HOLDERS)))

    async def hold(self, number: int) -> None:
        """Use one session after the other."""
        chance = random.Random(self.seed * 1000 + number)
        ways = {CANCEL: self.cancelled, AROUND: self.limited, INSIDE: self.limited_inside}
        turn = 0
        while not self.tags.are_enough:
            turn += 1
            tag, patience = f"{self.seed}-{number}-{turn}", chance.random() * LONGEST
            way = chance.choice((self.plain, *(ways[kind] for kind in ways if self.tags.lacks(kind))))
            try:
                await way(tag, patience)
            except pingpool.PoolError as error:
                self.tags.refuse(error)
            except Exception:
                if way == self.plain:
                    self.tags.faults["errors of others"] += 1

    async def plain(self, tag: str, patience: float) -> None:
        """A use that nobody cuts off."""
        async with self.pool.session(timeout=PATIENCE) as session:
            await self.speak(session, tag)

    async def cancelled(self, tag: str, patience: float) -> None:
        """A task that is cancelled."""
        task = asyncio.ensure_future(self.plain(tag, patience))
        asyncio.get_running_loop().call_later(patience, task.cancel)
        await asyncio.wait([task])
        if task.cancelled():
            self.tags.cut(tag, CANCEL)
        else:
            task.result()

    async def limited(self, tag: str, patience: float) -> None:
        """A time-out around the use."""
        try:
            async with asyncio.timeout(patience):
                await self.plain(tag, patience)
        except TimeoutError:
            self.tags.cut(tag, AROUND)

    async def limited_inside(self, tag: str, patience: float) -> None:
        """A time-out inside the use, which then ends well."""
        async with self.pool.session(timeout=PATIENCE) as session:
            try:
                async with asyncio.timeout(patience):
                    await self.speak(session, tag)
            except TimeoutError:
                self.tags.cut(tag, INSIDE)

    async def speak(self, session: Any, tag: str) -> None:
        """Read, write and commit."""
        self.tags.note(tag, "begun")
        self.tags.answered(tag, await self.lab.read(session, tag))
        await self.lab.write(session, tag)
        self.tags.note(tag, "committing")
        await self.lab.commit(session, tag)
        self.tags.note(tag, "acknowledged")

    async def come_to_rest(self) -> None:
        """Wait until all is well again, and count what is not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + PATIENCE
        while not await self.is_well() and loop.time() < end:
            await asyncio.sleep(0.02)  # nothing tells when a server has ended a session
        await asyncio.to_thread(self.tags.judge, self.lab, self.pool.stats().idle)

    async def is_well(self) -> bool:
        """Are all sessions idle, and no others at the server?"""
        return await asyncio.to_thread(is_well, self.lab, self.pool.stats().idle)


async def main(driver: str, cuts: int, seed: int) -> None:
    """Play one storm."""
    lab = IN_ASYNCIO[driver]()
    with lab.server:
        lab.prepare()
        async with pingpool.open_async(lab.database(), size=SIZE, io_timeout=PATIENCE) as pool:
            storm = Storm(lab, pool, cuts, seed)
            await storm.blow()
            await storm.come_to_rest()
            sys.stdout.write(storm.tags.told(pool.stats()) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
