"""What may be given to a database of plain functions besides, in both worlds: sockets, resets, time-outs."""

import http.client
import http.server
import math
import smtplib
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

import pingpool
from pingpool import Meaning, PingingPool
from pingpool.databases.callables import AsyncCallables, Callables
from pingpool.testing.proxy import FaultProxy
from tests.databases.echo import IMPATIENT, AsyncLine, EchoServer, Line, connect, echoing
from tests.databases.postgres_drivers import in_asyncio
from tests.databases.waiting import SOON, until


@pytest.fixture
def server() -> Iterator[EchoServer]:
    """A server that repeats lines."""
    with echoing() as running:
        yield running


def socket_of(line: Line | AsyncLine) -> Any:
    """Return the socket of a session."""
    return line.sock


# ---------------------------------------------------------------------------------------------------- sockets


def test_what_the_server_hung_up_is_never_lent(server: EchoServer) -> None:
    """A look at the socket, as the function gives it, is enough: no use fails."""
    with pingpool.open(Callables(partial(Line, server), socket=socket_of), size=3) as pool:
        for _ in range(5):
            server.hang_up()
            with pool.session(SOON) as line:
                assert line.ask("hello") == "echo hello"
        assert set(pool.stats().replaced) == {"gone"}


@in_asyncio
async def test_what_the_server_hung_up_is_never_lent_in_asyncio() -> None:
    """The same there."""
    with echoing() as server:
        database = AsyncCallables(partial(connect, server), socket=socket_of)
        async with pingpool.open_async(database, size=3) as pool:
            for _ in range(5):
                server.hang_up()
                async with pool.session(SOON) as line:
                    assert await line.ask("hello") == "echo hello"


class Pages(http.server.BaseHTTPRequestHandler):
    """Answers each request with two letters, and keeps the connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Say nothing."""


class Mail(EchoServer):
    """Answers each line as a mail server does."""

    def _repeat(self, link: Any) -> None:
        with suppress(OSError), link, link.makefile("rwb") as lines:
            lines.write(b"220 here\r\n")
            lines.flush()
            for _ in lines:
                lines.write(b"250 ok\r\n")
                lines.flush()


def http_session(port: int) -> http.client.HTTPConnection:
    """Open a connection that never reconnects by itself."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SOON)
    connection.auto_open = 0
    connection.connect()
    return connection


def http_use(connection: http.client.HTTPConnection) -> None:
    """Get a page."""
    connection.request("GET", "/")
    connection.getresponse().read()


def smtp_session(port: int) -> smtplib.SMTP:
    """Open a session with a mail server."""
    return smtplib.SMTP("127.0.0.1", port, timeout=SOON)


def smtp_use(session: smtplib.SMTP) -> None:
    """Ask for nothing."""
    session.noop()


@pytest.fixture
def pages() -> Iterator[int]:
    """The port of a web server."""
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield serving.server_address[1]
    serving.shutdown()
    serving.server_close()


@pytest.fixture
def mail() -> Iterator[int]:
    """The port of a mail server."""
    serving = Mail()
    yield serving.address[1]
    serving.close()


@pytest.mark.parametrize(
    ("which", "opened", "use"), [("pages", http_session, http_use), ("mail", smtp_session, smtp_use)]
)
def test_sessions_of_the_standard_library_survive_cuts(
    which: str, opened: Callable[[int], Any], use: Callable[[Any], None], request: pytest.FixtureRequest
) -> None:
    """Five cuts, and not one use fails: HTTP and SMTP show their socket as `sock`."""
    with FaultProxy("127.0.0.1", request.getfixturevalue(which)) as proxy:
        database = Callables(
            partial(opened, proxy.port), ping=use, delete=lambda session: session.close(), socket=socket_of
        )
        with pingpool.open(database, size=4) as pool:
            for _ in range(5):
                proxy.cut()
                with pool.session(SOON) as session:
                    use(session)


def test_a_call_that_hangs_is_freed(server: EchoServer) -> None:
    """Under a ping that overran its time the stream is ended, which frees its thread."""
    freed = threading.Event()

    def ping(line: Line) -> None:
        try:
            line.ask("slow")
        finally:
            freed.set()

    pool: PingingPool[Line] = PingingPool(1, ping_interval=0, io_timeout=0.05)
    pool.bind(Callables(partial(Line, server), ping=ping, socket=socket_of))
    pool.ping()
    assert freed.wait(SOON)
    pool.close()


def test_a_function_and_a_socket_are_both_asked(server: EchoServer) -> None:
    """A session is lent only if each of them sees nothing wrong."""
    database = Callables(partial(Line, server), looks_alive=lambda line: not line.owes, socket=socket_of)
    line = database.create(labels={}, timeout=SOON)
    assert database.looks_alive(line)
    line.owes = True
    assert not database.looks_alive(line)
    line.owes = False
    line.close()
    assert not database.looks_alive(line)


# ----------------------------------------------------------------------------------------------------- resets


def owes(line: Line | AsyncLine) -> bool:
    """Is an answer still to come?"""
    return line.owes


@pytest.mark.parametrize("is_caught", [True, False], ids=["caught", "not caught"])
def test_no_answer_is_handed_on_after_a_timeout(server: EchoServer, is_caught: bool) -> None:
    """A session that owes an answer is ended, whether its holder caught the time-out or not."""
    with pingpool.open(Callables(partial(Line, server), needs_reset=owes), size=1) as pool:
        with suppress(TimeoutError), pool.session(SOON) as line:
            try:
                line.ask("slow first", IMPATIENT)
            except TimeoutError:
                if not is_caught:
                    raise
        for words in ("second", "third"):
            with pool.session(SOON) as line:
                assert line.ask(words) == f"echo {words}"
        assert dict(pool.stats().replaced) == {"left open": 1}


@pytest.mark.parametrize("is_caught", [True, False], ids=["caught", "not caught"])
@in_asyncio
async def test_no_answer_is_handed_on_after_a_timeout_in_asyncio(is_caught: bool) -> None:
    """The same there."""
    with echoing() as server:
        database = AsyncCallables(partial(connect, server), needs_reset=owes)
        async with pingpool.open_async(database, size=1) as pool:
            with suppress(TimeoutError):
                async with pool.session(SOON) as line:
                    try:
                        await line.ask("slow first", IMPATIENT)
                    except TimeoutError:
                        if not is_caught:
                            raise
            for words in ("second", "third"):
                async with pool.session(SOON) as line:
                    assert await line.ask(words) == f"echo {words}"
            assert dict(pool.stats().replaced) == {"left open": 1}


def test_a_late_answer_is_seen_in_the_socket(server: EchoServer) -> None:
    """Once it has come: before that only a function for `needs_reset` can tell."""
    database = Callables(partial(Line, server), socket=socket_of)
    with pingpool.open(database, size=1) as pool:
        with pool.session(SOON) as line:
            with suppress(TimeoutError):
                line.ask("slow first", IMPATIENT)
            server.go_on.set()
            until(lambda: not database.looks_alive(line))
        with pool.session(SOON) as line:
            assert line.ask("second") == "echo second"


class Folder:
    """What has a place that holders change."""

    def __init__(self) -> None:
        self.place = "/"
        self.notes: list[str] = []

    def ping(self) -> None:
        """Prove it."""

    def close(self) -> None:
        """End it."""

    def go_home(self) -> str:
        """Go back to where it was."""
        self.notes.append("reset")
        self.place = "/"
        return "250 done"


def test_a_reset_alone_is_called_each_time() -> None:
    """Where nothing tells whether it is needed; also of a new session."""
    with pingpool.open(Callables(Folder, reset=Folder.go_home), size=1) as pool:
        for uses in range(1, 4):
            with pool.session(SOON) as folder:
                assert folder.notes == ["reset"] * uses
                folder.place = "/tmp"
        with pool.session(SOON) as folder:
            assert folder.place == "/"


def test_a_reset_is_called_where_it_is_needed() -> None:
    """As the function for that says."""
    database = Callables(Folder, reset=Folder.go_home, needs_reset=lambda folder: folder.place != "/")
    with pingpool.open(database, size=1) as pool:
        for place in ("/", "/tmp", "/"):
            with pool.session(SOON) as folder:
                assert folder.place == "/"
                folder.place = place
        with pool.session(SOON) as folder:
            assert folder.notes == ["reset"]


@pytest.mark.parametrize(("answer", "times"), [(True, 2), ("250 done", 1), (None, 1)])
def test_a_session_is_configured_once_or_after_a_reset_that_says_so(answer: object, times: int) -> None:
    """A reset whose answer is True has undone what was configured; any other answer is none."""
    configured: list[Folder] = []
    database = Callables(
        Folder, configure=configured.append, reset=lambda folder: answer, needs_reset=lambda folder: None
    )
    with pingpool.open(database, size=1):
        assert len(configured) == times


@in_asyncio
async def test_in_asyncio_each_may_be_either_kind_of_function() -> None:
    """A plain function is called, a coroutine function awaited."""
    notes: list[str] = []

    async def create() -> Folder:
        return Folder()

    async def configure(folder: Folder, timeout: float) -> None:
        notes.append(f"configure within {timeout:g} s")

    database = AsyncCallables(
        create,
        configure=configure,
        reset=lambda folder: notes.append("reset"),
        ping=lambda folder: notes.append("ping"),
        delete=lambda folder: notes.append("delete"),
    )
    async with pingpool.open_async(database, size=1, io_timeout=7) as pool:
        async with pool.session(SOON):
            pass
        with suppress(LookupError):
            async with pool.session(SOON):
                raise LookupError
        async with pool.session(SOON):
            pass
    assert notes[:2] == ["configure within 7 s", "reset"]
    assert {"ping", "delete"} <= set(notes)


# -------------------------------------------------------------------------------------------------- time-outs


def test_functions_that_take_a_timeout_are_passed_it() -> None:
    """By name, in seconds; a class too. What takes none is passed none, and what is bound stays bound."""
    seen: list[object] = []

    class Timed(Folder):
        def __init__(self, *, timeout: float | None, labels: Any = None) -> None:
            super().__init__()
            seen.append(("create", timeout, dict(labels)))

    def note(name: str, session: Folder, timeout: float | None) -> None:
        seen.append((name, timeout))

    database = Callables(
        Timed, configure=partial(note, "configure"), reset=partial(note, "reset", timeout=1), ping=lambda folder: None
    )
    with pingpool.open(database, size=1, io_timeout=math.inf, labels={"team": "shop"}):
        assert seen == [("create", None, {"team": "shop"}), ("configure", None), ("reset", 1)]


# ------------------------------------------------------------------------------------------------- interrupts, errors


def test_what_was_interrupted_may_be_vouched_for() -> None:
    """By the function for that; without it such a session is ended."""
    for survived, replaced in ((None, {"tainted": 1}), (lambda folder: True, {})):
        with pingpool.open(Callables(Folder, survived_interrupt=survived), size=1) as pool:
            with suppress(KeyboardInterrupt), pool.session(SOON):
                raise KeyboardInterrupt
            with pool.session(SOON):
                assert dict(pool.stats().replaced) == replaced


def test_meanings_are_asked_in_asyncio_too() -> None:
    """They are the same there."""
    database = AsyncCallables(partial(connect, None), meaning_of=lambda error: Meaning.LOST)  # type: ignore[arg-type]
    assert database.meaning_of(ValueError()) is Meaning.LOST
