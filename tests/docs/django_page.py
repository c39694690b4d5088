"""Runs the blocks of the page about Django in a process of its own: a process has one project.

The blocks of capital letters are the project's settings.
"""

import json
import sys

import django
from django.conf import settings

import pingpool
from tests.docs.pages import Block, blocks_of, run_blocks


def main(page: str, stand_ins: dict[str, str]) -> None:
    """Configure a project of the settings, and run what remains."""
    blocks = blocks_of(page)
    names: dict[str, object] = {"__name__": "__main__", "pingpool": pingpool}
    run_blocks(filter(is_of_settings, blocks), names, stand_ins)
    settings.configure(**{name: value for name, value in names.items() if name.isupper()})
    django.setup()
    run_blocks([block for block in blocks if not is_of_settings(block)], names, stand_ins)


def is_of_settings(block: Block) -> bool:
    """Does it belong into settings.py?"""
    return block.code.partition(" =")[0].isupper()


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
