"""From the broker into the shared database: for sites that reach MQTT and no database.

Sites publish with the sink ``mqtt`` under ``PREFIX/SITE``. The collector subscribes with a session that the broker
keeps, and acknowledges a message only after it is committed: what was in hand when either dies comes again, and
(site, number) makes it count once. A site whose broker was away sends from its ledger what was not acknowledged; and
where a number is missing all the same (the collector came later than the site, or a broker lost what it had
acknowledged) the site is asked for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, Queue
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from ..detector.errors import SinkError, UsageError
from ..inference.sinks.sites import SiteVerdict, create_tables, record_states, record_verdicts, verdict_of_json
from .gaps import Gaps

if TYPE_CHECKING:
    import psycopg
    from paho.mqtt.client import Client, MQTTMessage

_log = logging.getLogger(__name__)
_QOS = 1
_BATCH = 200
_GATHER_S = 0.2
_AGAIN_S = 1.0


class CollectConfig(BaseModel):
    """COLLECT.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: str = Field(pattern=r"^postgresql://[^\s]+$", max_length=500)
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=1883, ge=1, le=65_535)
    prefix: str = Field(default="parcelsight", pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", max_length=200)
    """Of all sites; each has ``PREFIX/SITE`` as the ``prefix`` of its mqtt sink."""
    client_id: str = Field(default="parcelsight-collector", min_length=1, max_length=64)
    """The broker keeps messages under this name while the collector is away."""
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None


class Collector:
    """Runs until told to stop.

    Args:
        config: broker and database.
        on_change: told in words when either is lost or found again.
    """

    def __init__(self, config: CollectConfig, on_change: Callable[[str], None] = lambda words: None) -> None:
        self._config, self._on_change = config, on_change
        self._messages: Queue[tuple[Client, MQTTMessage]] = Queue()
        self._connection: psycopg.Connection[Any] | None = None
        self.taken = 0
        """Verdicts that were new."""
        self.again = 0
        """Verdicts that were there already."""
        self._gaps = Gaps()
        self.refused = 0
        """Messages that are no verdict and no state."""
        self._trouble = ""

    def run(self, stop: Event) -> None:
        """Follow the broker. Raises UsageError if password or certificate cannot be read."""
        client = self._client()
        client.connect_async(self._config.host, self._config.port, 15)
        client.loop_start()
        try:
            while not stop.is_set():
                self._ask(client)
                batch = self._gathered(stop)
                while batch and not stop.is_set():
                    try:
                        self._write([message for _, message in batch])
                    except SinkError as error:  # nothing was acknowledged: the broker and we keep it
                        self._say(str(error))
                        stop.wait(_AGAIN_S)
                        continue
                    self._say("")
                    for owner, message in batch:
                        owner.ack(message.mid, message.qos)
                    batch = []
        finally:
            client.disconnect()
            client.loop_stop()
            self._hang_up()

    def _ask(self, client: Client) -> None:
        for site, number in self._gaps.to_ask():
            self._on_change(f"{site} is asked for its verdicts from number {number} on")
            client.publish(f"{self._config.prefix}/{site}/again", str(number), _QOS)

    def _gathered(self, stop: Event) -> list[tuple[Client, MQTTMessage]]:
        batch: list[tuple[Client, MQTTMessage]] = []
        until = monotonic() + _GATHER_S
        while len(batch) < _BATCH and not stop.is_set() and (left := until - monotonic()) > 0:
            with suppress(Empty):
                batch.append(self._messages.get(timeout=left))
        return batch

    def _write(self, messages: list[MQTTMessage]) -> None:
        import psycopg

        verdicts: dict[str, list[SiteVerdict]] = {}
        states: list[tuple[str, dict[str, Any]]] = []
        for message in messages:
            site, *rest = message.topic.removeprefix(f"{self._config.prefix}/").split("/")
            try:
                if rest[-1] == "verdict":
                    verdicts.setdefault(site, []).append(verdict_of_json(message.payload))
                elif rest[0] == "lanes" or json.loads(message.payload).get("lane") is None:
                    # The site's worst lane is known from its lanes; its farewell and last will name none.
                    states.append((site, json.loads(message.payload)))
            except (ValueError, KeyError, AttributeError, IndexError):
                self.refused += 1
                _log.warning("a message of %s is no verdict and no state", message.topic[:100])
        try:
            connection = self._connected()
            for site, some in verdicts.items():
                fresh = record_verdicts(connection, site, some)
                self.taken, self.again = self.taken + fresh, self.again + len(some) - fresh
                self._gaps.look(connection, site)
            for site, state in states:
                record_states(connection, site, [state])
        except psycopg.Error as error:
            self._hang_up()
            why = " ".join(str(error).split())[:200]
            raise SinkError(f"the database does not take verdicts ({why})", "start it, or check its address") from error

    def _connected(self) -> psycopg.Connection[Any]:
        import psycopg

        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._config.database, autocommit=True, connect_timeout=5, options="-c statement_timeout=10000"
            )
            create_tables(self._connection)
        return self._connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    def _client(self) -> Client:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        config = self._config
        client = Client(
            CallbackAPIVersion.VERSION2, client_id=config.client_id, clean_session=False, manual_ack=True
        )  # fmt: skip
        client.reconnect_delay_set(1, 5)
        try:
            if config.username:
                password = config.password_file.read_text("utf-8").strip() if config.password_file else None
                client.username_pw_set(config.username, password)
            if config.ca_file is not None:
                client.tls_set(ca_certs=str(config.ca_file))
        except (OSError, ValueError) as error:
            raise UsageError(f"password or certificate cannot be read ({error})", "check the files") from error

        def on_connect(client: Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
            topics = ("+/lanes/+/verdict", "+/lanes/+/state", "+/state")
            client.subscribe([(f"{config.prefix}/{topic}", _QOS) for topic in topics])
            self._on_change(f"the broker answers ({reason})")

        client.on_connect = on_connect
        client.on_disconnect = lambda *_: self._on_change("the broker is gone; it is tried again")
        client.on_message = lambda client, _, message: self._messages.put((client, message))
        return client

    def _say(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._on_change(trouble or "the database takes verdicts again")
        self._trouble = trouble
