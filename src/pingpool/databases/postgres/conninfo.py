"""Where psycopg connects to, and for how long it tries: libpq's connection info, read before anything is connected."""

import inspect
import os
from collections.abc import Collection, Mapping
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pingpool.databases.common.roles import Role
from pingpool.databases.common.timeouts import whole
from pingpool.databases.common.urls import ESCAPES, check_names, check_port
from pingpool.databases.postgres.names import unquoted
from pingpool.databases.postgres.roles import OF_A_PRIMARY
from pingpool.errors import BadURL
from pingpool.naming import beside, is_of_a_pool, meant
from pingpool.text import nearest

DRIVER_OPTIONS = {
    name
    for name, parameter in inspect.signature(psycopg.connect).parameters.items()
    if parameter.kind is parameter.KEYWORD_ONLY
}
"""What `psycopg.connect` takes for itself; the rest is for libpq."""

ATTRIBUTES = "target_session_attrs"
ANY: Role = "any"

LEAST_PATIENCE = 2
"""Seconds: libpq, and psycopg, take less for this."""


def checked(conninfo: str, options: Mapping[str, Any], by_name: Collection[str]) -> Mapping[str, Any]:
    """Return the conninfo and the options as one; what is `by_name` is an argument, and no part of a conninfo.

    Raises:
        BadURL: a name, a host or a number makes no sense.
    """
    check_names(options, {*libpq_options(), *by_name}, "PostgreSQL")
    if conninfo.startswith(("postgresql://", "postgres://")):
        refuse_spilt_password(conninfo)
    where, complaint = parsed(conninfo, options)
    if complaint:  # raised out here, where libpq's own error, which quotes the password, is no context of it
        raise BadURL(f"PostgreSQL: {told_without_secrets(complaint, conninfo, options, by_name)}")
    if any("@" in host[1:] for host in str(where.get("host") or "").split(",")):  # sockets may begin with one
        raise BadURL(f"PostgreSQL: there is an @ in the host; {ESCAPES}")
    for port in str(where.get("port") or 5432).split(","):
        if port:
            check_port(port)
    try:
        connect_timeout_for(where, 1)
    except ValueError:
        raise BadURL("PostgreSQL: connect_timeout is a number of seconds") from None
    return where


def parsed(conninfo: str, options: Mapping[str, Any]) -> tuple[Mapping[str, Any], str]:
    """Return what libpq reads, and what it complains of, if it does."""
    try:
        return conninfo_to_dict(make_conninfo(conninfo, **options)), ""
    except psycopg.ProgrammingError as error:
        return {}, str(error).strip()


def connect_timeout_for(where: Mapping[str, Any], timeout: float) -> int:
    """Return the seconds that psycopg may give each host: an equal share, or less if the user says so."""
    said = {**from_surroundings(), **where}
    rounds = 2 if said.get("target_session_attrs") == "prefer-standby" else 1
    own = float(said.get("connect_timeout") or 0)
    return whole(timeout / (hosts_in(where) * rounds), own, least=LEAST_PATIENCE)


def hosts_in(where: Mapping[str, Any]) -> int:
    """Return how many hosts there are to choose from."""
    said = {**from_surroundings(), **where}
    return len(str(said.get("host") or said.get("hostaddr") or "").split(","))


def role_in(where: Mapping[str, Any], role: Role) -> Role:
    """Return which node is wanted, by the argument or by libpq's own word for it."""
    by_itself = from_surroundings().get(ATTRIBUTES, ANY)  # also what libpq does if nobody says anything
    said = where.get(ATTRIBUTES) or os.environ.get("PGTARGETSESSIONATTRS") or by_itself.replace(ANY, "")
    return role if said in ("", *OF_A_PRIMARY) else ANY


def from_surroundings() -> dict[str, str]:
    """Return what libpq takes from the environment, and what it does by itself."""
    return {each.keyword.decode(): each.val.decode() for each in psycopg.pq.Conninfo.get_defaults() if each.val}


def libpq_options() -> list[str]:
    """Return the names that may stand in a conninfo."""
    return [option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults()]


def told_without_secrets(complaint: str, conninfo: str, options: Mapping[str, Any], by_name: Collection[str]) -> str:
    """Return libpq's complaint with what may have been meant, and without what may be a piece of a password."""
    if '"' in conninfo:  # its quotes cannot be told from libpq's
        return f"the connection info makes no sense; {ESCAPES}"
    plain = complaint.replace(conninfo, "...") if conninfo else complaint
    is_about_a_name = any(what in plain for what in ("invalid connection option", "invalid URI query parameter"))
    quoted = plain.split('"')[1::2] if is_about_a_name else []
    if not quoted:
        return f"{unquoted(plain, {*options, ']', '='})}; {ESCAPES}"
    name = quoted[0]
    if name in by_name:
        return beside(name)
    is_near = is_of_a_pool(name) or nearest(name, libpq_options())
    hint = meant(name, libpq_options()) if is_near else ESCAPES
    return f"{unquoted(plain, {*options, *quoted[: bool(is_near)], ']', '='})}; {hint}"


def refuse_spilt_password(url: str) -> None:
    """Refuse a URL in which libpq would take a piece of the password for a host or a path. Raises `BadURL`."""
    place, _, path = url.partition("://")[2].partition("/")
    if "@" in place.partition("@")[2].partition("?")[0] + path.partition("?")[0]:
        raise BadURL(f"PostgreSQL: the URL has an @ where none belongs; {ESCAPES}")
