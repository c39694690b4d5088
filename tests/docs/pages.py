"""The pages of the documentation, the blocks of Python in them, and what the pages say that these print."""

import ast
import asyncio
import inspect
import io
import re
import textwrap
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from pingpool import AsyncPingingPool, PingingPool

ROOT = Path(__file__).parents[2]
PAGES = sorted(page.relative_to(ROOT).as_posix() for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])


class Block:
    """A block of Python on a page, the line where it stands, and what it prints, if the page says so.

    A block of text right after it is what it prints. There `…` stands for what differs from time to time.
    """

    def __init__(self, page: str, line: int, code: str, printed: str | None) -> None:
        self.page = page
        self.line = line
        self.code = textwrap.dedent(code)
        self.printed = printed

    def run(self, names: dict[str, Any], stand_ins: Mapping[str, str]) -> None:
        """Run it among these names, on servers that are there in place of those that it names."""
        code = self.code
        for named, there in stand_ins.items():
            code = code.replace(named, there)
        lines = "\n" * self.line + code  # so that a traceback names the line of the page
        compiled = compile(lines, self.page, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        with redirect_stdout(io.StringIO()) as out:
            if compiled.co_flags & inspect.CO_COROUTINE:
                asyncio.run(in_a_loop(eval(compiled, names), names))
            else:
                exec(compiled, names)
        if self.printed is not None:
            assert is_like(out.getvalue(), self.printed), f"{self.page}:{self.line} prints {out.getvalue()!r}"


def is_like(text: str, pattern: str) -> bool:
    """Is it this text, but for what `…` stands for, and for where lines are broken?"""
    parts = [re.escape(part) for part in " ".join(pattern.split()).split("…")]
    return re.fullmatch(".*".join(parts), " ".join(text.split())) is not None


async def in_a_loop(block: Any, names: dict[str, Any]) -> None:
    """Run a block that awaits something; the pools that it has left open end with their loop."""
    await block
    for pool in [each for each in names.values() if isinstance(each, AsyncPingingPool)]:
        await pool.close()


def run_blocks(blocks: Iterable[Block], names: dict[str, Any], stand_ins: Mapping[str, str]) -> None:
    """Run the blocks of a page, and close the pools that it leaves open."""
    with ExitStack() as until_the_end:
        for block in blocks:
            block.run(names, stand_ins)
            for pool in [each for each in names.values() if isinstance(each, PingingPool)]:
                until_the_end.callback(pool.close)  # also if the next block gives its name to another


def blocks_of(page: str) -> list[Block]:
    """Return the blocks of a page, in their order."""
    tokens = MarkdownIt().parse((ROOT / page).read_text())
    return [
        Block(page, token.map[0] + 1, token.content, following.content if following.info.strip() == "text" else None)
        for token, following in pairwise([*tokens, Token("end", "", 0)])
        if token.type == "fence" and token.info.strip() == "python" and token.map
    ]


def links_of(page: str) -> list[str]:
    """Return where the links of a page lead, those to other sites left out."""
    inside = [
        child
        for token in MarkdownIt("gfm-like", {"linkify": False}).parse((ROOT / page).read_text())
        for child in token.children or ()
    ]
    targets = [str(token.attrs.get("href", token.attrs.get("src", ""))) for token in inside if token.attrs]
    return [target for target in targets if target and "://" not in target]
