"""A Milvus server at an address: reached, asked, and its errors said in one line."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import grpc
from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from helpers import CourseError

#: Seconds to wait for a server: until it greets, until it answers a call.
GREETING, PATIENCE = 5, 60
_HERE = ("localhost", "127.0.0.1", "::1")
#: What the server or its client says, and what it means to the person who reads it.
_MEANINGS = {
    "UNAUTHENTICATED": "it wants another token; put the right one into MILVUS_TOKEN",
    "auth check": "it wants another token; put the right one into MILVUS_TOKEN",
    "Fail connecting": "no Milvus server answers there; start it, or correct the "
    "address, and give the same command again",
    "": "the server failed or is gone; see that it runs, and give the same command "
    "again: it goes on",
}
# Its client would print each error with a traceback; here it is said once.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


class Server:
    """An open connection for one collection, `name`."""

    def __init__(self, url: str) -> None:
        """Connect; raise CourseError where no server answers within seconds."""
        self.url, self._client = url, None
        server, self.name = _parts(url)
        with self._named():
            self._client = _client(server)
            self.version = self._client.get_server_version()

    def call(self, method: str, **options: Any) -> Any:
        """Call a method of the client on the collection."""
        if self._client is None:
            raise CourseError(f"{self.url}: was closed; open it again")
        with self._named():
            call = getattr(self._client, method)
            return call(self.name, timeout=PATIENCE, **options)

    def pages(self, **options: Any) -> Iterator[dict]:
        """Yield all rows that a query finds."""
        pages = self.call("query_iterator", **options)
        while True:
            with self._named():
                page = pages.next()
            if not page:
                return
            yield from page

    def leave(self) -> None:
        """Close the connection; more than once does no harm."""
        if self._client is not None:
            client, self._client = self._client, None
            client.close()

    @contextmanager
    def _named(self):
        try:
            yield
        except (MilvusException, grpc.RpcError, OSError) as error:
            said, why = " ".join(str(error).split()), f"{error} {error.__cause__}"
            means = next(text for key, text in _MEANINGS.items() if key in why)
            raise CourseError(f"{self.url}: {means} ({said[:200]})") from error


def _parts(url):
    """Return the server's address and the name of the collection."""
    parts = urlsplit(url)
    server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    if "@" in parts.netloc:
        raise CourseError(
            f"{server}{parts.path}: came with a password, which others could read; "
            "leave it out, and put USER:PASSWORD into MILVUS_TOKEN"
        )
    name = parts.path.strip("/") or "corpus"
    known = re.fullmatch(r"https?://(\[[0-9a-fA-F:]+\]|[\w.-]+)(:\d{1,5})?", server)
    if not known or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,200}", name):
        raise _no_address(url)
    if parts.query or parts.fragment:
        raise _no_address(url)
    return server, name


def _no_address(url):
    return CourseError(
        f"{url}: is no address of an index; write http://HOST:PORT/NAME (or https), "
        "the NAME in letters, digits and _, with no digit first"
    )


def _client(server):
    """Connect, with what only the environment knows: token and certificate."""
    options: dict = {"token": os.environ.get("MILVUS_TOKEN", ""), "timeout": GREETING}
    if pem := os.environ.get("MILVUS_PEM"):
        options["server_pem_path"] = pem
    if urlsplit(server).hostname in _HERE:  # no proxy stands between
        options["grpc_options"] = {"grpc.enable_http_proxy": 0}
    return MilvusClient(server, dedicated=True, **options)
