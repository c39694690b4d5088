"""Lines to mail servers: SMTP by aiosmtpd, IMAP by pymap."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pytest

import pingpool
from pingpool.testing.ports import LOOPBACK, free_port
from pingpool.testing.proxy import FaultProxy
from tests.sessions.recipes import recipe, stands, tells_of_a_wrong_password
from tests.sessions.servers import folder_for, running

pytestmark = pytest.mark.server

LETTER = "Subject: hello\r\n\r\nHow are you?\r\n"


class Inbox:
    """Keeps the letters."""

    def __init__(self) -> None:
        self.letters: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self.letters.append(envelope.content)
        return "250 OK"


@pytest.fixture
def smtp() -> Iterator[tuple[Any, FaultProxy, Inbox]]:
    """The recipe for SMTP, the network to its server, and where letters arrive."""
    controllers = pytest.importorskip("aiosmtpd.controller", reason="pip install 'pingpool[sessions]'")
    inbox = Inbox()
    controller = controllers.Controller(inbox, hostname=LOOPBACK, port=free_port())
    controller.start()
    try:
        with FaultProxy(LOOPBACK, controller.port) as proxy:
            yield recipe("mail", {'"mail.example", 25': f'"{LOOPBACK}", {proxy.port}'}), proxy, inbox
    finally:
        controller.stop()


def send(line: Any) -> None:
    """Send a letter."""
    line.sendmail("shop@shop.example", ["you@shop.example"], LETTER)


def test_smtp(smtp: tuple[Any, FaultProxy, Inbox]) -> None:
    """Each letter that was sent without an error has arrived."""
    mail, proxy, inbox = smtp
    stands(mail, proxy, send)
    assert len(inbox.letters) == 5
    assert all(letter.endswith(b"How are you?\r\n") for letter in inbox.letters)


def test_a_letter_that_was_begun_is_dropped(smtp: tuple[Any, FaultProxy, Inbox]) -> None:
    """The next one who gets the line begins his own; it is the same line."""
    with pingpool.open(smtp[0], size=1) as pool:
        with pool.session() as line:
            line.ehlo_or_helo_if_needed()
            assert line.mail("shop@shop.example")[0] == 250
        with pool.session() as again:
            assert again is line
            assert again.mail("you@shop.example")[0] == 250


@pytest.fixture
def imap() -> Iterator[tuple[Any, FaultProxy]]:
    """The recipe for IMAP, and the network to its server."""
    if find_spec("pymap") is None:
        pytest.skip("pymap is missing: pip install 'pingpool[sessions]'")
    port = free_port()
    start = "from pymap.main import main; raise SystemExit(main())"
    command = [sys.executable, "-c", start, "--host", LOOPBACK, "--port", str(port), "--no-tls", "dict", "--demo-data"]
    with folder_for("imap") as folder, running(command, folder, port), FaultProxy(LOOPBACK, port) as proxy:
        yield mailbox_behind(proxy, "demopass"), proxy


def mailbox_behind(proxy: FaultProxy, password: str) -> Any:
    """Return the recipe, with a login of the demonstration's."""
    login = f'"demouser", "{password}"'
    return recipe("mailbox", {'"mail.example", 143': f'"{LOOPBACK}", {proxy.port}', '"shop", "secret"': login})


def count(line: Any) -> None:
    """Count the letters of the demonstration."""
    assert line.select("INBOX")[1] == [b"4"]


def test_imap(imap: tuple[Any, FaultProxy]) -> None:
    """The mailbox is read."""
    mailbox, proxy = imap
    stands(mailbox, proxy, count)


def test_imap_with_a_wrong_password(imap: tuple[Any, FaultProxy]) -> None:
    """Whoever waits is told at once."""
    tells_of_a_wrong_password(mailbox_behind(imap[1], "a guess"))


def test_a_mailbox_is_left_with_all_its_letters(imap: tuple[Any, FaultProxy]) -> None:
    """A letter that is marked as deleted is there for the next one; the line is the same, and has no mailbox open."""
    with pingpool.open(imap[0], size=1) as pool:
        with pool.session() as line:
            count(line)
            line.store("1", "+FLAGS", r"\Deleted")
        with pool.session() as again:
            assert again is line
            assert again.state == "AUTH"
            count(again)
