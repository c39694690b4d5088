"""Django's classes, with what `django-stubs` does not tell of them."""

from types import TracebackType
from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.creation import BaseDatabaseCreation
from django.db.utils import DatabaseErrorWrapper

if TYPE_CHECKING:

    class Wrapper(BaseDatabaseWrapper):
        """A connection of Django's."""

        Database: Any
        settings_dict: Any

        def _close(self) -> None: ...
        def _configure_timezone(self, connection: Any) -> bool: ...
        def close_pool(self) -> None:
            """Close its pool."""

    class Creation(BaseDatabaseCreation):
        """Makes and removes test databases."""

        connection: Any

        def _clone_test_db(self, *which: Any, **how: Any) -> None: ...
        def _destroy_test_db(self, *which: Any, **how: Any) -> None: ...

    class ErrorWrapper(DatabaseErrorWrapper):
        """Makes Django's errors of a driver's."""

        wrapper: Any

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None: ...

else:
    Wrapper, Creation, ErrorWrapper = BaseDatabaseWrapper, BaseDatabaseCreation, DatabaseErrorWrapper
