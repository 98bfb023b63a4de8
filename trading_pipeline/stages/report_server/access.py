"""Who may read the pages: names of the server in `Host`, and its token."""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

__all__ = ["TOKEN_LENGTH", "Access", "is_loopback"]

TOKEN_LENGTH = 16
"""Characters that a token has at least, so that nobody guesses it."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?", re.ASCII)
_OWN_NAMES = ("127.0.0.1", "localhost", "::1")


def is_loopback(address: str) -> bool:
    """True for an IP address that only this machine reaches.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Access:
    """The rules of one server.

    `token`: what a reader must show, None for a server that asks for none. `names`: host names
    under which the server is reached; None where any will do, because a token protects it. A page
    of somebody else's whose name points at this machine (DNS rebinding) sends its own name.
    `port`: makes the cookie's name another one for each server of a machine.
    """

    token: str | None
    names: frozenset[str] | None
    port: int

    @classmethod
    def of(cls, address: str, port: int, token: str | None, names: Iterable[str]) -> Access:
        """Of a server bound to the IP address `address`, reached by further `names` as well."""
        if not is_loopback(address):
            return cls(token, None, port)
        known = (name.lower() for name in (*_OWN_NAMES, address, *names))
        return cls(token, frozenset(known), port)

    def is_asked(self, hosts: Iterable[str]) -> bool:
        """True where the headers `Host` are one, and name this server.

        >>> access = Access.of("127.0.0.1", 8321, None, ())
        >>> access.is_asked(["localhost:8321"]), access.is_asked(["evil.example:8321"])
        (True, False)
        """
        found = [_HOST.fullmatch(each.strip()) for each in hosts]
        if len(found) != 1 or found[0] is None:
            return False
        return self.names is None or found[0][1].strip("[]").lower() in self.names

    def admits(self, authorization: str | None, cookie: str | None) -> bool:
        """True for the token in `Authorization: Bearer`, or the cookie that stands for it."""
        if self.token is None:
            return True
        kind, _, given = (authorization or "").partition(" ")
        if kind.lower() == "bearer" and self.is_token(given.strip()):
            return True
        try:
            kept = SimpleCookie(cookie or "").get(self._cookie_name)
        except CookieError:
            return False
        return kept is not None and _equal(kept.value, self._cookie_value)

    def is_token(self, given: str) -> bool:
        """True for the token itself; compared in a time that tells nothing of it."""
        return self.token is not None and _equal(given, self.token)

    @property
    def cookie(self) -> str:
        """`Set-Cookie` that admits a browser from now on; the token does not follow from it."""
        name, value = self._cookie_name, self._cookie_value
        return f"{name}={value}; HttpOnly; SameSite=Strict; Path=/"

    @property
    def _cookie_name(self) -> str:
        return f"trading_pipeline_reports_{self.port}"

    @property
    def _cookie_value(self) -> str:
        return hmac.digest(_bytes(self.token or ""), self._cookie_name.encode(), "sha256").hex()


def _equal(first: str, second: str) -> bool:
    return hmac.compare_digest(_bytes(first), _bytes(second))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogatepass")
