"""TLS for MySQL and MariaDB: where it is asked for, the certificate and the name in it are verified.

PyMySQL by itself verifies nothing without `ssl_ca`, and with it no name. One context serves all connections of a
database: to make one takes longer than connecting.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from pingpool.errors import BadURL

FILES = ("ssl_ca", "ssl_cert", "ssl_key")
SWITCHES = ("ssl_disabled", "ssl_verify_cert", "ssl_verify_identity")
OPTIONS = (*SWITCHES, *FILES, "ssl", "ssl_key_password")

OLD_WORDS = {
    "ssl_ca": "ca",
    "ssl_cert": "cert",
    "ssl_key": "key",
    "ssl_key_password": "password",
    "ssl_verify_cert": "verify_mode",
    "ssl_verify_identity": "check_hostname",
}
"""How each is called in the mapping that PyMySQL also takes, as `ssl`."""

NO = ("none", "0", "false", "no")


def context_of(options: Mapping[str, Any]) -> ssl.SSLContext | None:
    """Return what TLS is to be spoken with; None if it is not asked for, so that the driver may do as it likes.

    Raises:
        BadURL: a certificate, or its key, cannot be read.
    """
    given = options.get("ssl")
    asked = {old: options[name] for name, old in OLD_WORDS.items() if options.get(name) is not None}
    if options.get("ssl_disabled") or not (given or any(asked.values())):
        return None
    if isinstance(given, ssl.SSLContext):
        return given
    try:
        return verifying({**(given if isinstance(given, Mapping) else {}), **asked})
    except (OSError, ValueError) as error:
        raise BadURL(f"MySQL: there can be no TLS with {', '.join(sorted(asked))}: {error}") from error


def verifying(words: Mapping[str, Any]) -> ssl.SSLContext:
    """Return a context that verifies all that these words do not except."""
    context = ssl.create_default_context(cafile=words.get("ca"), capath=words.get("capath"))
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # as PyMySQL has it: certificates that MySQL makes need that
    is_verified = str(words.get("verify_mode", True)).lower() not in NO
    context.check_hostname = bool(words.get("check_hostname", is_verified))
    context.verify_mode = ssl.CERT_REQUIRED if is_verified or context.check_hostname else ssl.CERT_NONE
    if words.get("cert"):
        context.load_cert_chain(words["cert"], keyfile=words.get("key"), password=words.get("password"))
    if words.get("cipher"):
        context.set_ciphers(words["cipher"])
    return context
