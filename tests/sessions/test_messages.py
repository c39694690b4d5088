"""Channels to a broker: pika, and a real RabbitMQ."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pingpool
from pingpool.testing.ports import LOOPBACK, free_port
from pingpool.testing.proxy import FaultProxy
from pingpool.testing.servers.nobody import as_nobody_special
from pingpool.testing.servers.private import first_program
from tests.databases.waiting import until
from tests.sessions.recipes import recipe, stands, tells_of_a_wrong_password
from tests.sessions.servers import folder_for, running

PROGRAM = first_program(Path("/usr/lib/rabbitmq/bin/rabbitmq-server"))
DIRECTORY_OF_NODES = first_program("epmd")

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        PROGRAM is None or DIRECTORY_OF_NODES is None, reason="there is no RabbitMQ: apt-get install rabbitmq-server"
    ),
]

pytest.importorskip("pika", reason="pip install 'pingpool[sessions]'")


@pytest.fixture(scope="module")
def broker() -> Iterator[int]:
    """The port of a RabbitMQ, which takes five seconds to start. Erlang wants to know where its nodes are."""
    port, of_nodes = free_port(), free_port()
    with folder_for("epmd") as folder:
        command = [*as_nobody_special(folder), str(DIRECTORY_OF_NODES), "-port", str(of_nodes)]
        with running(command, folder, of_nodes), folder_for("rabbitmq") as home:
            settings = {
                "HOME": home,
                "ERL_EPMD_PORT": of_nodes,
                "RABBITMQ_NODENAME": "pingpool@localhost",
                "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
                "RABBITMQ_NODE_PORT": port,
                "RABBITMQ_DIST_PORT": free_port(),
                "RABBITMQ_MNESIA_BASE": home / "data",
                "RABBITMQ_LOG_BASE": home / "logs",
                "RABBITMQ_ENABLED_PLUGINS_FILE": home / "plugins",
                "RABBITMQ_CONF_ENV_FILE": home / "none",
                "RUNNING_UNDER_SYSTEMD": "true",  # one process, which a signal ends
            }
            command = [*as_nobody_special(home), "env", *(f"{name}={value}" for name, value in settings.items())]
            with running([*command, str(PROGRAM)], home, port):
                yield port


@pytest.fixture
def network(broker: int) -> Iterator[FaultProxy]:
    """The network to the broker."""
    with FaultProxy(LOOPBACK, broker) as proxy:
        yield proxy


def queue_behind(proxy: FaultProxy, more: str = "") -> Any:
    """Return the recipe, with more parameters."""
    return recipe("queue", {'"queue.example", 5672': f'"{LOOPBACK}", {proxy.port}{more}'})


def send(channel: Any) -> None:
    """Send a message, and fetch it."""
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_publish("", queue, b"hello")
    until(lambda: channel.basic_get(queue, auto_ack=True)[2] == b"hello")


def test_amqp(network: FaultProxy) -> None:
    """Messages are sent and fetched."""
    stands(queue_behind(network), network, send)


def test_amqp_with_a_wrong_password(network: FaultProxy) -> None:
    """Whoever waits is told at once."""
    tells_of_a_wrong_password(queue_behind(network, ', credentials=pika.PlainCredentials("guest", "a guess")'))


def test_a_consumer_that_was_left_gets_nothing_of_the_next(network: FaultProxy) -> None:
    """A channel that still consumes is replaced, one that does not is lent again."""
    with pingpool.open(queue_behind(network), size=1) as pool:
        with pool.session() as channel:
            send(channel)
        with pool.session() as again:
            assert again is channel
            again.basic_consume(again.queue_declare("").method.queue, print)
        with pool.session() as another:
            assert another is not again
            send(another)
        assert pool.stats().replaced == {"left open": 1}


def test_pings_and_looks_keep_up_the_heartbeats(network: FaultProxy) -> None:
    """With a heartbeat of a second the broker hangs up after two of silence; pinged, the channel lives longer."""
    with pingpool.open(queue_behind(network, ", heartbeat=1"), size=1, ping_interval=0.2) as pool:
        until(lambda: pool.stats().pings >= 25)
        with pool.session() as channel:
            send(channel)
        assert pool.stats().replaced == {}
        assert network.accepted == 1
