"""The door to scanners: one seam for TCP and ZeroMQ. A scanner connects to us; one at a time is heard."""

from __future__ import annotations

import importlib
import re
import select
import socket
from collections import deque
from typing import Any, Protocol

from ...detector.errors import MissingExtra, SourceError, UsageError
from .protocol import MAX_BODY_BYTES, Refused, encode

_READ_BYTES = 1 << 18
_SEND_S = 2.0
_ADDRESS = re.compile(r"(?:(tcp|zmq)://)?(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):(\d{1,5})")


class Connection(Protocol):
    """One scanner."""

    peer: str

    def receive(self, timeout_s: float) -> bytes | None:
        """Some bytes; None when none came in time, ``b""`` when the scanner has hung up."""

    def send(self, data: bytes) -> bool:
        """Send all of it; False where the scanner does not take it."""

    def close(self) -> None:
        """Hang up."""


class Listener(Protocol):
    """Where scanners connect."""

    address: str
    """With the port that was found where 0 was asked for."""

    def accept(self, timeout_s: float) -> Connection | None:
        """A scanner that has come; None when none came in time."""

    def close(self) -> None:
        """No more."""


def listen(address: str) -> Listener:
    """Listen at ``tcp://HOST:PORT`` (the scheme may be left out) or ``zmq://HOST:PORT``.

    Raises:
        UsageError: if that is no address.
        SourceError: if it is taken or not this machine's.
        MissingExtra: for ZeroMQ without its package.
    """
    scheme, host, port = parse_address(address)
    if scheme == "zmq":
        return ZmqListener(host, port)
    return TcpListener(host, port)


def parse_address(address: str) -> tuple[str, str, int]:
    """Scheme, host and port.

    Raises:
        UsageError: if it is none.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[3]) > 65_535:
        raise UsageError(
            f"{address[:80]!r} is no address", "write it like tcp://127.0.0.1:4001 or zmq://127.0.0.1:4001"
        )
    return match[1] or "tcp", match[2], int(match[3])


class TcpConnection:
    """One scanner over TCP."""

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self.peer = peer
        self._socket = sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(_SEND_S)

    def receive(self, timeout_s: float) -> bytes | None:
        """Some bytes."""
        readable, _, _ = select.select([self._socket], [], [], timeout_s)
        if not readable:
            return None
        try:
            return self._socket.recv(_READ_BYTES)
        except OSError:
            return b""

    def send(self, data: bytes) -> bool:
        """Send all of it, within two seconds."""
        try:
            self._socket.sendall(data)
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class TcpListener:
    """Listens on a port of this machine."""

    def __init__(self, host: str, port: int) -> None:
        bare = host.strip("[]")
        try:
            family = socket.AF_INET6 if ":" in bare else socket.AF_INET
            self._socket = socket.create_server((bare, port), family=family, backlog=4)
        except OSError as error:
            raise SourceError(
                f"tcp://{host}:{port}: cannot listen ({error.strerror or error})", "choose another port, or free it"
            ) from error
        self.address = f"tcp://{host}:{self._socket.getsockname()[1]}"

    def accept(self, timeout_s: float) -> TcpConnection | None:
        """A scanner that has come."""
        self._socket.settimeout(timeout_s)
        try:
            sock, peer = self._socket.accept()
        except (TimeoutError, BlockingIOError, ConnectionError):
            return None
        return TcpConnection(sock, f"{peer[0]}:{peer[1]}")

    def close(self) -> None:
        """No more."""
        self._socket.close()


def load_zmq() -> Any:
    """The package; untyped, for it is optional.

    Raises:
        MissingExtra: where it is not installed.
    """
    try:
        return importlib.import_module("zmq")
    except ImportError as error:
        raise MissingExtra("a line stream over ZeroMQ", "zmq") from error


class ZmqConnection:
    """One scanner over ZeroMQ: a peer of the ROUTER socket, by its identity."""

    def __init__(self, listener: ZmqListener, identity: bytes, first: bytes) -> None:
        self.peer = f"zmq peer {identity.hex()[:16]}"
        self.identity = identity
        self.inbox: deque[bytes] = deque([first])
        self._listener = listener

    def receive(self, timeout_s: float) -> bytes | None:
        """One message."""
        if not self.inbox:
            self._listener.poll(timeout_s)
        return self.inbox.popleft() if self.inbox else None

    def send(self, data: bytes) -> bool:
        """Hand it to ZeroMQ."""
        return self._listener.send(self.identity, data)

    def close(self) -> None:
        """Forget the peer."""
        self._listener.forget(self)


class ZmqListener:
    """A ROUTER socket; scanners are DEALERs. One framed message is one ZeroMQ message."""

    def __init__(self, host: str, port: int) -> None:
        zmq = load_zmq()
        self._zmq = zmq
        self._socket = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.RCVHWM, 64)
        self._socket.setsockopt(zmq.SNDHWM, 64)
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_BODY_BYTES + 64)
        self._socket.setsockopt(zmq.LINGER, 500)
        try:
            self._socket.bind(f"tcp://{host}:{port}")
        except zmq.ZMQError as error:
            self._socket.close()
            raise SourceError(
                f"zmq://{host}:{port}: cannot listen ({error})", "choose another port, or free it"
            ) from error
        endpoint = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        self.address = f"zmq://{host}:{endpoint.rsplit(':', 1)[1]}"
        self._known: dict[bytes, ZmqConnection] = {}
        self._fresh: deque[ZmqConnection] = deque()

    def accept(self, timeout_s: float) -> ZmqConnection | None:
        """A scanner that has come."""
        if not self._fresh:
            self.poll(timeout_s)
        return self._fresh.popleft() if self._fresh else None

    def poll(self, timeout_s: float) -> None:
        """Take in one message and lay it before its connection."""
        if not self._socket.poll(round(1000 * timeout_s)):
            return
        identity, *parts = self._socket.recv_multipart()
        message = b"".join(parts)
        if identity in self._known:
            self._known[identity].inbox.append(message)
        elif len(self._fresh) < 4:
            self._known[identity] = connection = ZmqConnection(self, identity, message)
            self._fresh.append(connection)
        else:
            self.send(identity, encode(Refused("too many scanners at once; connect one to each lane")))

    def send(self, identity: bytes, data: bytes) -> bool:
        """Send without waiting."""
        try:
            self._socket.send_multipart([identity, data], flags=self._zmq.NOBLOCK)
        except self._zmq.ZMQError:
            return False
        return True

    def forget(self, connection: ZmqConnection) -> None:
        """What this peer sends from now on makes it a new scanner."""
        self._known.pop(connection.identity, None)

    def close(self) -> None:
        """No more."""
        self._socket.close()
