"""Django over pingpool: what Django promises holds, on every engine."""

import gc
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from pingpool import PoolTimeout
from tests.databases.waiting import SOON, until

pytest.importorskip("django", reason="the tests of the plugs need: pip install 'pingpool[plugins]'")

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError, close_old_connections, transaction
from django.db.backends.signals import connection_created
from django.test import Client, override_settings

from pingpool.plugins.django.pools import POOLS
from tests.plugins import django_project as project
from tests.plugins.django_project import Order, ask, serve
from tests.plugins.django_suite import DIFFERENCES
from tests.plugins.forking import succeeds_in_child
from tests.plugins.mysqldb import have_mysql

pytest_plugins = ["pingpool.testing.fixtures"]

SIZE = 3
SERVERS = {"postgresql": "postgres_server", "mysql": "mariadb_server"}
ENGINES = [*(pytest.param(each, marks=pytest.mark.server) for each in SERVERS), "sqlite3"]

Use = Callable[..., Any]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each of the engines."""
    name: str = request.param
    return name


@pytest.fixture
def use(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Use]:
    """Have the engine's database as "default"; the connection of this thread is returned."""
    have_mysql()
    place = project.in_file(tmp_path)
    if engine in SERVERS:
        place = project.at(request.getfixturevalue(SERVERS[engine]))
    with ExitStack() as until_the_end:

        def with_options(driver: Any = None, pool: Any = None, **more: Any) -> Any:
            options = {**(driver or {}), "pingpool": {"size": SIZE, "default_timeout": SOON, **(pool or {})}}
            used = project.use(f"pingpool.plugins.django.{engine}", place, OPTIONS=options, **more)
            return until_the_end.enter_context(used)

        yield with_options


@pytest.fixture
def connection(use: Use) -> Any:
    """The connection of this thread, which is not connected yet."""
    return use()


@pytest.fixture
def orders(connection: Any) -> Iterator[Any]:
    """The same connection; there is a table of orders."""
    with project.orders(connection):
        yield connection


# ------------------------------------------------------------------------------------------------ out, and back again


def test_what_is_closed_is_lent_again(connection: Any) -> None:
    """A close gives the driver's own connection back, and the next query has it again."""
    assert connection.pingpool.stats().open == 0
    assert ask() == 1
    first = connection.connection
    connection.close()
    assert connection.connection is None
    until(lambda: connection.pingpool.stats().idle == 1)
    assert ask() == 1
    assert connection.connection is first
    assert connection.pingpool.stats().created == 1


@pytest.mark.parametrize("age", [0, 600, None])
def test_a_connection_goes_back_at_the_end_of_each_request(use: Use, age: int | None) -> None:
    """Whatever CONN_MAX_AGE says: it is the age at which the pool replaces connections."""
    connection = use(CONN_MAX_AGE=age)
    for _ in range(3):
        assert serve("/one") == (200, "1")
        assert connection.pingpool.stats().in_use == 0
    assert connection.pingpool.stats().created == 1
    assert connection.pingpool._options.max_lifetime == (age or float("inf"))
    ask()
    close_old_connections()
    assert connection.connection is None


def test_a_request_of_the_test_client_leaves_the_connection_to_the_test(connection: Any) -> None:
    """Django takes its signals away meanwhile, so that the transaction of a test outlives the request."""
    for _ in range(2):
        assert Client().get("/one").content == b"1"
        assert connection.pingpool.stats().in_use == 1
    close_old_connections()
    assert connection.pingpool.stats().in_use == 0


def test_many_threads_share_few_connections(orders: Any) -> None:
    """A thread has a connection of its own while it needs one, and waits for it if need be."""
    with ThreadPoolExecutor(4 * SIZE) as people:
        answers = people.map(serve, [f"/order/{number}" for number in range(60)])
        assert Counter(status for status, _ in answers) == {200: 60}
    assert Order.objects.count() == 60
    assert orders.pingpool.stats().open <= SIZE


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_thread_that_forgets_its_connection_costs_none(connection: Any) -> None:
    """It ends, its connection is collected, and another one is opened in that place."""
    forgetful = threading.Thread(target=ask)
    forgetful.start()
    forgetful.join()
    until(lambda: (gc.collect() and False) or not connection.pingpool.stats().in_use)
    with ThreadPoolExecutor(SIZE) as people:
        assert list(people.map(lambda _: serve("/one"), range(SIZE))) == [(200, "1")] * SIZE


# ------------------------------------------------------------------------------------------------------ transactions


def test_atomic_blocks_commit_and_roll_back(orders: Any) -> None:
    """With savepoints and hooks, as ever; nothing is left for the pool to undo."""
    committed: list[str] = []
    with transaction.atomic():
        Order.objects.create(item="tea")
        transaction.on_commit(lambda: committed.append("tea"))
        with suppress(ValueError), transaction.atomic():
            Order.objects.create(item="poison")
            transaction.on_commit(lambda: committed.append("poison"))
            raise ValueError
    with suppress(ValueError), transaction.atomic():
        Order.objects.create(item="hemlock")
        raise ValueError
    orders.close()
    assert [each.item for each in Order.objects.all()] == ["tea"]
    assert committed == ["tea"]
    assert orders.pingpool.stats().rolled_back == 0


def test_an_atomic_request_is_all_or_nothing(use: Use) -> None:
    """ATOMIC_REQUESTS wraps each view in a transaction."""
    connection = use(ATOMIC_REQUESTS=True)
    with project.orders(connection):
        assert serve("/order/tea")[0] == 200
        with pytest.raises(ValueError, match="nothing"), override_settings(DEBUG_PROPAGATE_EXCEPTIONS=True):
            serve("/order/nothing")
        close_old_connections()
        assert Order.objects.count() == 1


def test_what_is_left_open_is_rolled_back(orders: Any) -> None:
    """The next one to have the connection finds none of it, and is in autocommit."""
    transaction.set_autocommit(False)
    Order.objects.create(item="half")
    orders.close()
    assert transaction.get_autocommit()
    assert Order.objects.count() == 0
    Order.objects.create(item="whole")
    orders.close()
    assert Order.objects.count() == 1


def test_a_project_may_have_no_autocommit(use: Use) -> None:
    """AUTOCOMMIT=False: each has a connection that is in none, and what is left open is rolled back."""
    connection = use(AUTOCOMMIT=False)
    for _ in range(2):
        assert ask() == 1
        assert not transaction.get_autocommit()
        connection.close()
        until(lambda: connection.pingpool.stats().idle == 1)
    assert connection.pingpool.stats().created == 1


# ----------------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"size": 0}, "size must be at least 1"),
        ({"sise": 4}, "did you mean size?"),
        ({"max_size": 4}, "size=…"),
        ({"wait_for": 1}, "wait_for"),
        (True, "dictionary of options"),
    ],
)
@pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)
def test_options_that_make_no_sense_are_refused(use: Use, options: Any, complaint: str) -> None:
    """By Django's error, which names the setting and what to write."""
    use().settings_dict["OPTIONS"]["pingpool"] = options
    with pytest.raises(ImproperlyConfigured, match=r"DATABASES\['default'\]\['OPTIONS'\]\['pingpool'\]: ") as refused:
        ask()
    assert complaint in str(refused.value)


def test_a_database_in_memory_is_not_pooled() -> None:
    """It lives in one connection, which stays open."""
    with project.use("pingpool.plugins.django.sqlite3", {"NAME": ":memory:"}) as connection:
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE t (i INTEGER)")
        close_old_connections()
        connection.close()
        assert ask("SELECT count(*) FROM t") == 0
        assert not connection.is_pooled
        connection.connection.close()


def test_those_who_set_connections_up_are_called_as_ever(use: Use) -> None:
    """Of each that is opened, and of each that is lent; they may ask for the connection by its alias."""
    connection, seen = use(pool={"size": 1}), []

    def set_up(sender: Any, connection: Any, **_: Any) -> None:
        seen.append(connection.pingpool.stats().open)
        assert ask() == 1

    connection_created.connect(set_up)
    try:
        assert [serve("/one")[0] for _ in range(2)] == [200, 200]
    finally:
        connection_created.disconnect(set_up)
    assert seen == [0, 1, 1]
    assert connection.pingpool.stats().created == 1


# ------------------------------------------------------------------------------------------------- none can be had


def test_waiting_in_vain_is_an_operational_error(use: Use) -> None:
    """Its text says who holds the connections: the application's line. A view's client is asked to come again."""
    connection = use(pool={"size": 1, "default_timeout": 0.01})
    connection.pingpool.wait(SOON)
    ask()
    with ThreadPoolExecutor(1) as another:
        with pytest.raises(OperationalError, match=r"held by plugins/django_project\.py") as told:
            another.submit(ask).result(SOON)
        assert isinstance(told.value.__cause__, PoolTimeout)
        assert another.submit(serve, "/one").result(SOON)[0] == 503


def test_another_error_of_the_database_is_an_error_of_the_server(connection: Any) -> None:
    """Only what the pool could not give is answered with 503."""
    assert serve("/broken")[0] == 500


# --------------------------------------------------------------------------------------------------- how uses end


def test_an_error_in_use_has_the_connection_proven(connection: Any) -> None:
    """Before anybody else gets it; an error of one's own costs nothing."""
    with pytest.raises(Exception, match="nonsense"):
        ask("SELECT nonsense")
    assert type(connection.last_error).__module__.partition(".")[0] not in ("django", "builtins")
    connection.close()
    until(lambda: connection.pingpool.stats().idle == 1)
    assert connection.last_error is None
    assert connection.pingpool.stats().pings + connection.pingpool.stats().created >= 1
    assert ask() == 1


@pytest.mark.parametrize("engine", ["postgresql", "mysql"], indirect=True)
@pytest.mark.server
def test_an_interrupt_in_a_statement_is_noted(connection: Any) -> None:
    """A connection that may have an answer to come is never lent to somebody else."""
    ask()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    with pytest.raises(KeyboardInterrupt), connection.wrap_database_errors:
        signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
    assert isinstance(connection.last_error, KeyboardInterrupt)
    connection.close()
    assert ask() == 1


def test_a_wait_in_vain_says_nothing_of_the_connection_that_is_lent_later(use: Use) -> None:
    """An error from before a checkout, of an earlier request perhaps, is no error of its use."""
    connection = use(pool={"size": 1, "default_timeout": 0.01})
    connection.pingpool.wait(SOON)
    with ThreadPoolExecutor(1) as another:
        another.submit(ask).result(SOON)
        with pytest.raises(OperationalError):
            ask()
        another.submit(close_old_connections).result(SOON)
    until(lambda: connection.pingpool.stats().idle == 1)
    assert ask() == 1
    assert connection.last_error is None


# ---------------------------------------------------------------------------------------- forks, test databases


def test_a_forked_child_has_connections_of_its_own(orders: Any) -> None:
    """Also when the parent was in the middle of a request, which goes on."""
    Order.objects.create(item="before")
    inside = orders.connection
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            Order.objects.create(item="child")
            orders.close()
            gc.collect()
            os.write(writing, str(Order.objects.count()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        assert answer.read() == "2"
    os.waitpid(child, 0)
    assert orders.connection is inside
    assert Order.objects.count() == 2


def test_a_transaction_does_not_go_on_in_a_forked_child(orders: Any) -> None:
    """There it has ended, and the child is told so; the parent commits."""
    with transaction.atomic():
        Order.objects.create(item="tea")
        child = os.fork()
        if not child:
            try:
                Order.objects.create(item="child")
            except ProgrammingError:
                os._exit(7)
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert [each.item for each in Order.objects.all()] == ["tea"]


def test_rows_that_nobody_reads_are_no_error(orders: Any) -> None:
    """Whoever stops in the middle of an answer has done nothing wrong."""
    Order.objects.bulk_create(Order(item=str(number)) for number in range(10))
    for _ in Order.objects.iterator(chunk_size=2):
        break
    with orders.cursor() as cursor:
        cursor.execute("SELECT item FROM shop_order")
        next(iter(cursor))
    gc.collect()
    assert orders.last_error is None


@pytest.mark.parametrize("engine", ["sqlite3"], indirect=True)
def test_a_child_that_was_forked_while_a_pool_was_made_can_make_its_own(connection: Any) -> None:
    """Whatever another thread of the parent was about."""
    assert succeeds_in_child(ask, held=POOLS._opening)


def test_test_databases_are_made_and_removed(connection: Any) -> None:
    """No pool has a session in one that goes away, and the project's own is used again afterwards."""
    own = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"{own}_for_tests"
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        with project.orders(connection):
            Order.objects.create(item="tea")
        connection.close()
        pool = connection.pingpool
        assert pool.stats().open == 1
    finally:
        connection.creation.destroy_test_db(own, verbosity=0)
    assert pool.closed
    assert name != own
    assert ask() == 1
    assert connection.pingpool is not pool


# --------------------------------------------------------------------------------------------------------- differences


@pytest.mark.parametrize("engine", DIFFERENCES)
def test_each_known_difference_is_told(engine: str) -> None:
    """The page names every test of Django's that does not pass, or all of its class by its name."""
    page = (Path(__file__).parents[2] / "docs/django.md").read_text()
    for each in DIFFERENCES[engine]:
        _, of_class, name = each.rsplit(".", 2)
        assert f"`{name}`" in page or f"`{of_class}` (" in page
