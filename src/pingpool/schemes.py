"""From the scheme of a URL to the database that it names, and to the keywords that this database takes.

Schemes come from two entry-point groups: each entry names a function that takes the whole URL, and keywords if it has
some, and returns a database. An installed package adds a scheme by declaring it; nothing here has to know.

SQLAlchemy's way to name a driver, `scheme+driver://`, is a rule: the database of the scheme, or of a scheme of the same
module that is called as the driver, must have it among its `DRIVERS`.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from pingpool.database import Traits
from pingpool.errors import UnknownScheme
from pingpool.naming import OF_POOL, divided, refuse_database_options, refuse_pool_options

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "pingpool.schemes"
"""The entry-point group in which packages declare their URL schemes."""

ASYNC_GROUP = "pingpool.async_schemes"
"""The same for `open_async`: each names a function that returns an `AsyncDatabase`."""

OPENERS = {GROUP: "open", ASYNC_GROUP: "open_async"}
OTHER = {GROUP: ASYNC_GROUP, ASYNC_GROUP: GROUP}

Factory: TypeAlias = Callable[..., Any]
"""What a scheme names: a class, a method of one, or a function."""


def database_of(url: str, group: str = GROUP) -> Any:
    """Return the database that a URL names."""
    return addressed(url, {}, group)[0]


def addressed(database: Any, options: Mapping[str, Any], group: str = GROUP) -> tuple[Any, dict[str, Any]]:
    """Return a database, which may be named by a URL, and the pool's share of the options.

    The others go to the database that the URL names; one that is there already takes none.

    Raises:
        UnknownScheme, BadURL: the URL names no database, or makes no sense.
        TypeError: there is an option that nobody knows.
    """
    if not isinstance(database, str):
        kind: Any = database.__class__
        if (strange := options.keys() - OF_POOL) and Traits in kind.__mro__:
            refuse_database_options(strange, keywords_of_class(kind) or (), kind.__name__)
        return database, dict(options)
    factory, url = factory_of(database, group)
    its = keywords_of(factory)
    if its is not None:
        refuse_pool_options(url.partition("?")[2], its, f"pingpool.{OPENERS[group]}")
    ours, others = divided(options, its, f"{url.partition(':')[0]}://")
    return factory(url, **others), ours


def factory_of(url: str, group: str) -> tuple[Factory, str]:
    """Return what makes the database of a URL, and the URL as it takes it. Raises `UnknownScheme`."""
    scheme, _, rest = url.partition(":")
    scheme = scheme.lower()  # RFC 3986, 3.1
    if scheme != url.lower():
        if entry := claimed(scheme, group):
            return entry.load(), f"{scheme}:{rest}"
        if found := by_driver(scheme, group):
            return found[1], f"{found[0]}:{rest}"
    is_scheme = rest.startswith("//") and "@" not in scheme  # what else stands there may be a password
    what = f"scheme {scheme!r}" if is_scheme else "a URL without a scheme"
    if is_scheme and is_known(scheme, OTHER[group]):
        what += f"; {OPENERS[OTHER[group]]}() knows it"
    elif is_scheme:
        what += hint_for_driver(scheme, group)
    raise UnknownScheme(f"cannot open {what}; the known schemes are: {', '.join(sorted(known(group))) or 'none'}")


def known(group: str) -> set[str]:
    """Return the schemes that are declared."""
    return {entry.name for entry in entries(group)}


def entries(group: str, **named: Any) -> Any:
    """Return what installed packages declare."""
    from importlib.metadata import entry_points  # as slow to import as all the rest together

    return entry_points(group=group, **named)


def claimed(scheme: str, group: str) -> "EntryPoint | None":
    """Return the entry of a scheme, if there is one. Raises `UnknownScheme` if several packages claim it."""
    claims: dict[str, EntryPoint] = {entry.value: entry for entry in entries(group, name=scheme)}
    if len(claims) > 1:
        whose = " and ".join(sorted(f"{each.dist and each.dist.name} ({value})" for value, each in claims.items()))
        raise UnknownScheme(f"{scheme}:// is claimed by several packages: {whose}; uninstall all but one")
    return next(iter(claims.values()), None)


def by_driver(scheme: str, group: str) -> tuple[str, Factory] | None:
    """Return the plain scheme, and what makes its database, for `scheme+driver`; None if we have no such driver."""
    family, _, driver = scheme.partition("+")
    base, own = claimed(family, group), claimed(driver, group)
    for entry in (own, base):
        if entry and base and entry.module == base.module:
            factory = entry.load()
            if driver in getattr(owner_of(factory), "DRIVERS", ()):
                return entry.name, factory
    return None


def is_known(scheme: str, group: str) -> bool:
    """Does the other world know this scheme, or the driver that it names?"""
    with suppress(ImportError):  # a driver that is not installed
        return bool(claimed(scheme, group) or by_driver(scheme, group))
    return True


def hint_for_driver(scheme: str, group: str) -> str:
    """Return what to write where a URL names a driver that we do not have."""
    family, _, driver = scheme.partition("+")
    base = claimed(family, group) if driver else None
    if base is None:
        return ""
    owner = owner_of(base.load())
    written = [f"{family}+{name}://" for name in getattr(owner, "DRIVERS", ())]
    other = getattr(owner, "OTHER_DRIVERS", {}).get(driver)
    return f"; write {' or '.join([f'{family}://', *written])}" + (f", or {opened_in(group, other)}" if other else "")


def opened_in(group: str, database: str) -> str:
    """Return how a database for threads, as code, is opened in this world."""
    return f"pingpool.{OPENERS[group]}({database if group == GROUP else f'InThreads({database})'})"


def owner_of(factory: Any) -> Any:
    """Return the class whose method it is, or what is given."""
    return getattr(factory, "__self__", factory)


def keywords_of(factory: Factory) -> Collection[str] | None:
    """Return the keywords that a factory takes besides the URL; None if it takes any, and does not tell which.

    What a method does not name itself it hands to its class.
    """
    names, is_open = parameters_of(factory)
    if is_open and (kind := owner_of(factory)) is not factory:
        return keywords_of_class(kind)
    return with_those_of_its_driver(factory, names[1:], is_open)


def keywords_of_class(kind: type[Any]) -> Collection[str] | None:
    """Return the keywords that the constructor of a database takes; None if that takes any, and does not tell which."""
    return with_those_of_its_driver(kind, *parameters_of(kind))


def with_those_of_its_driver(kind: Any, names: Collection[str], is_open: bool) -> Collection[str] | None:
    """Return these names, and where any are taken those of `driver_options()`, if the database has that."""
    if not is_open:
        return set(names)
    of_driver = getattr(kind, "driver_options", None)
    return None if of_driver is None else {*names, *of_driver()}


def parameters_of(call: Factory) -> tuple[list[str], bool]:
    """Return the names of the parameters, and whether any other name is taken."""
    from inspect import signature  # only who opens by a URL, or has slipped, needs it

    found = signature(call).parameters.values()
    return [each.name for each in found if each.kind is not each.VAR_KEYWORD], any(
        each.kind is each.VAR_KEYWORD for each in found
    )
