"""Test databases: while one is copied or removed, no pool has sessions in it."""

from typing import Any

from pingpool.plugins.django.typed import Creation


class WithoutSessions(Creation):
    """Closes the pools of a database before Django needs it for itself. The next connection opens another."""

    def _clone_test_db(self, *which: Any, **how: Any) -> None:
        self.connection.close_pool()
        super()._clone_test_db(*which, **how)

    def _destroy_test_db(self, *which: Any, **how: Any) -> None:
        self.connection.close_pool()
        super()._destroy_test_db(*which, **how)
