"""The command `pingpool`. It needs the extra `cli`, and says so where that is missing."""

import sys


def main() -> None:
    try:
        from pingpool.cli.app import app
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in {"typer", "rich", "click"}:
            raise
        sys.exit(f"The command needs {missing.name}, which is not installed: pip install 'pingpool[cli]'")
    app()
