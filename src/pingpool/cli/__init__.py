"""The command `pingpool`. It needs the extra `cli`, and says so where that is missing."""

import sys
from io import TextIOWrapper


def main() -> None:
    show_what_can_be_shown()
    try:
        from pingpool.cli.app import app
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in {"typer", "rich", "click"}:
            raise
        sys.exit(f"The command needs {missing.name}, which is not installed: pip install 'pingpool[cli]'")
    app()


def show_what_can_be_shown() -> None:
    """Replace the letters that the terminal has not, as in a locale without Unicode."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
