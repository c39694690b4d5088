"""What a release has to pass: `make release-check`. It builds what would be published, and uses it as a stranger would.

The sdist and the wheel stay in dist/. Publishing them is left to a person: CONTRIBUTING.md says how.
"""

import os
import re
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
LINK = re.compile(r"\]\(([^)\s]+)")
REPOSITORY = re.compile(r"https://(?:raw\.githubusercontent|github)\.com/([\w.-]+/[\w.-]+)")
WHERE_IT_STANDS = (ROOT / "pyproject.toml", ROOT / ".github" / "ISSUE_TEMPLATE" / "config.yml")
WANTED_URLS = {"Repository", "Documentation", "Changelog", "Issues"}
WANTED_FILES = ("pingpool/py.typed", "dist-info/licenses/LICENSE", "dist-info/entry_points.txt")


def main() -> None:
    for old in DIST.glob("pingpool-*"):
        old.unlink()
    run(Path(sys.executable), "-m", "build", "--outdir", DIST, ROOT)
    built = sorted(DIST.glob("pingpool-*"))
    run(Path(sys.executable), "-m", "twine", "check", "--strict", *built)
    (wheel,) = DIST.glob("*.whl")
    if complaints := [*of_metadata(wheel), *of_files(wheel), *of_addresses()]:
        sys.exit("\n".join(complaints))
    run(Path(sys.executable), "-m", "towncrier", "build", "--draft", "--version", metadata_of(wheel)["Version"])
    install_and_try(wheel)
    print(f"Fit to be published: {', '.join(file.name for file in built)}")


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a command as a stranger would: with nothing of this clone on its path."""
    print("$", *(word.name if isinstance(word, Path) else word for word in command), flush=True)
    strange = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    if subprocess.run(command, cwd=cwd, env=strange, check=False).returncode:
        sys.exit(f"This failed: {' '.join(map(str, command))}")


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def of_metadata(wheel: Path) -> Iterator[str]:
    """Yield what is wrong with the page that PyPI would show."""
    metadata = metadata_of(wheel)
    urls = dict(line.split(", ", 1) for line in metadata.get_all("Project-URL", []))
    readme = str(metadata.get_payload())
    yield from (f"no {name} among the project's URLs" for name in sorted(WANTED_URLS - urls.keys()))
    yield from relative(LINK.findall(readme))
    if f"{urls.get('Repository')}/blob/v{metadata['Version']}/docs/" not in readme:
        yield "the README's links do not lead to the files of this version in the repository"
    if metadata.get_all("Requires-Dist") and not all(
        "extra ==" in each for each in metadata.get_all("Requires-Dist", [])
    ):
        yield "the pool alone needs nothing but Python, and the wheel asks for more"


def relative(links: Iterable[str]) -> Iterator[str]:
    """Yield the links that lead nowhere outside of the repository."""
    yield from (f"the README links to {link}, which PyPI has not" for link in links if not link.startswith("https://"))


def of_files(wheel: Path) -> Iterator[str]:
    """Yield what the wheel lacks, and what it must not have."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    yield from (
        f"the wheel lacks {wanted}" for wanted in WANTED_FILES if not any(name.endswith(wanted) for name in names)
    )
    yield from (f"the wheel has {name}" for name in names if not name.startswith(("pingpool/", "pingpool-")))


def of_addresses() -> Iterator[str]:
    """Yield the complaint that the repository has several addresses: not all were set when it moved."""
    named = {name for file in WHERE_IT_STANDS for name in REPOSITORY.findall(file.read_text())}
    if len(named) != 1:
        yield f"the repository is said to be at {', '.join(sorted(named))}"


def install_and_try(wheel: Path) -> None:
    """Install the wheel into an empty environment, and do there what the README says."""
    with tempfile.TemporaryDirectory() as away:
        venv.create(Path(away) / "venv", with_pip=True)
        python = Path(away) / "venv" / "bin" / "python"
        pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, wheel)
        run(python, "-c", "import pingpool; print(pingpool.open('sqlite:///:memory:', size=1))", cwd=Path(away))
        run(*pip, f"{wheel}[cli]")
        run(python.with_name("pingpool"), "demo", "--seconds", "2", "--plain", cwd=Path(away))
        run(python.with_name("pingpool"), "advise", "--rate", "150", "--held", "20ms", cwd=Path(away))


if __name__ == "__main__":
    main()
