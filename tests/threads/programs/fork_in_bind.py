"""Fork while another thread is inside `bind`, and after a `bind` that failed: the child can bind, and is kept alive."""

import os
import sys
import threading

from scene import soon

from pingpool import CannotFill, Database, PingingPool


class Session:
    """Something to lend."""


class Slow(Database[Session]):
    """Takes its time, or is away."""

    is_away = False
    pings = 0
    may_go_on = threading.Event()

    def create(self, **_: object) -> Session:
        """Open one."""
        if self.is_away:
            raise ConnectionRefusedError
        self.may_go_on.wait()
        return Session()

    def ping(self, session: Session, **_: object) -> None:
        """Count."""
        self.pings += 1

    def delete(self, session: Session, **_: object) -> None:
        """Do nothing."""


database = Slow()
pool: PingingPool[Session] = PingingPool(2, 10, 0.05)
if sys.argv[1] == "inside":
    threading.Thread(target=pool.bind, args=(database,), daemon=True).start()
    assert soon(lambda: pool.stats().creating == 2)
else:
    database.is_away = True
    try:
        pool.bind(database)
    except CannotFill:
        pass
child = os.fork()
if not child:
    database.is_away = False
    database.may_go_on = threading.Event()
    database.may_go_on.set()
    pool.bind(database)
    pool.keep_alive()
    pool.put(pool.get(5))
    assert soon(lambda: database.pings > 2, 10)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
os._exit(0)
