"""MariaDB by PyMySQL: no answer that one holder did not read to its end is met by the next."""

import pytest

import pingpool
from pingpool.databases.mysql import MySQL
from pingpool.testing.servers import MariaDBServer
from tests.databases.mysql_lab import PLAIN, run
from tests.databases.waiting import SOON, error_of

pymysql = pytest.importorskip("pymysql")

pytestmark = pytest.mark.server

pytest_plugins = ["pingpool.testing.fixtures", "tests.databases.strict_mariadb", "tests.databases.mysql_database"]


def test_a_result_left_unread_costs_the_session(mysql: MySQL) -> None:
    """A streaming cursor that was abandoned would have to be read to its end: the session is replaced."""
    with pingpool.open(mysql, size=1) as pool:
        first = pool.get()
        cursor = first.cursor(pymysql.cursors.SSCursor)
        cursor.execute("SELECT seq FROM seq_1_to_100000")
        pool.put(first)
        with pool.session(timeout=SOON) as second:
            assert second is not first
            assert run(second, "SELECT 1") == (1,)
        assert pool.stats().replaced == {"left busy": 1}
        assert error_of(cursor.fetchone).args[0] == 0  # closed, which is not the end of the rows
        del cursor, first  # without a word: any warning fails a test


@pytest.mark.parametrize("row", ["''", "'', ''", "'', 'aaaa'"])
def test_a_row_of_an_unread_result_is_not_taken_for_the_servers_status(
    mysql: MySQL, row: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One that begins with an empty text looks like the end of an answer, with flags that would be made of data."""
    with pingpool.open(mysql, size=1) as pool:
        with pool.session(timeout=SOON) as session:
            cursor = session.cursor(pymysql.cursors.SSCursor)
            cursor.execute(f"SELECT {row} FROM seq_1_to_3")
            cursor.fetchone()
            assert session.last_answer.startswith(b"\0")
            assert not mysql.in_transaction(session)
        with pool.session(timeout=SOON) as other:
            assert other is not session
        assert pool.stats().replaced == {"left busy": 1}
    assert "broken" not in caplog.text


@pytest.mark.parametrize("options", [PLAIN, ""], ids=["plain", "tls"])
@pytest.mark.parametrize("good_rows", [0, 252, 399])
def test_an_answer_that_could_not_be_read_to_its_end_costs_the_session(
    strict_server: MariaDBServer, options: str, good_rows: int
) -> None:
    """When a converter raises, the rows behind are left; the next holder does not meet them, whatever their number."""
    read: list[str] = []

    def stumble(value: str) -> str:
        read.append(value)
        return value if len(read) <= good_rows else str(int("no number"))

    with pingpool.open(f"{strict_server.url}{options or '?'}&autocommit=true", size=1) as pool:
        with pytest.raises(ValueError, match="no number"), pool.session() as first:
            first.decoders = {**first.decoders, pymysql.constants.FIELD_TYPE.LONGLONG: stumble}
            run(first, "SELECT seq FROM seq_1_to_400")
        with pool.session(timeout=SOON) as second:
            assert second is not first
            assert run(second, "SELECT 'mine'") == ("mine",)
