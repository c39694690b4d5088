"""What a command's help shows of its options: a flag takes no value, so none stands beside it."""

from typing import Any

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """One of the commands."""

    def get_params(self, ctx: Any) -> Any:
        """Return its parameters, and `--help`."""
        return without_values_of_flags(super().get_params(ctx))


class Commands(TyperGroup):
    """All of them together."""

    def get_params(self, ctx: Any) -> Any:
        """Return their common parameters, and `--help`."""
        return without_values_of_flags(super().get_params(ctx))


def without_values_of_flags(parameters: Any) -> Any:
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return parameters
