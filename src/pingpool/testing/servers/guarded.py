"""A process that does not outlive whoever started it.

A shell between the two holds a pipe from the starter. The kernel closes the pipe when the starter ends, also by `kill
-9`; then the shell ends the process and removes its folder. (Linux' "parent death signal" fires when the *thread* that
started the process ends.)
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

GUARD = """
folder=$1 stop_signal=$2
shift 2
exec 3<&0 </dev/null
"$@" >>"$folder/log" 2>&1 3<&- &
process=$!
echo $process
{
    read -r nothing <&3
    : >"$folder/orphaned"
    kill -s "$stop_signal" $process
    kill -s CONT $process
    sleep 8
    kill -s KILL $process
} >/dev/null &
killer=$!
wait $process
code=$?
kill $killer
[ -e "$folder/orphaned" ] && rm -rf "$folder"
exit $code
"""
# Eight seconds: PostgreSQL takes up to five to end a stopped backend, and orphans it if killed before.


class GuardedProcess:
    """A running command, which `stop_signal` ends; its output goes to the file `log` in `folder`."""

    def __init__(self, command: Sequence[str], folder: Path, stop_signal: signal.Signals) -> None:
        self.stop_signal = stop_signal
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", GUARD, "guard", str(folder), stop_signal.name.removeprefix("SIG"), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,  # a Ctrl-C at the terminal is for the starter alone
        )
        assert self._guard.stdout is not None
        with self._guard.stdout as announcement:
            self.pid = int(announcement.readline())

    @property
    def exit_code(self) -> int | None:
        """How the process ended (above 128: by a signal), or None while it runs."""
        return self._guard.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.exit_code is None:
            send_signal(self.pid, number)

    def end(self) -> None:
        """Stop the process and wait until it is gone; after 10 seconds it is killed."""
        self.send(self.stop_signal)
        try:
            self._guard.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self._guard.wait()
        assert self._guard.stdin is not None
        self._guard.stdin.close()


def send_signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
