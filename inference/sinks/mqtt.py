"""Verdicts to an MQTT broker, with QoS 1, and the lanes' states as retained messages.

Topics under the prefix: ``lanes/LANE/verdict`` (each once or again after a failure; ``number`` is the key),
``lanes/LANE/state`` (retained), and ``state`` (retained): the worst of all lanes. The last one is also the last will: a
broker that loses us tells everybody NOT_SCREENING, without anybody here having to be able to.

Numbers have no gaps, so a receiver sees what it missed (it came later, or the broker lost what it had acknowledged) and
publishes the first missing number under ``again``: with the next verdict all from there on are sent once more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ...detector.errors import MissingExtra, SinkError
from ..lanes.state import LaneStatus, State
from .sink import Record, SinkConfig

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessageInfo

_QOS = 1
_KEEP_ALIVE_S = 15
"""After one and a half times this without a word from us the broker speaks our last will."""


class MqttConfig(SinkConfig):
    """``{kind: mqtt, name: …, host: …}``."""

    kind: Literal["mqtt"]
    host: str = Field(min_length=1, max_length=253)
    port: int = Field(default=1883, ge=1, le=65_535)
    prefix: str = Field(default="parcelsight", pattern=r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$", max_length=200)
    client_id: str = Field(default="", max_length=64)
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    """Given, the connection is TLS and the broker must show a certificate of it."""
    timeout_s: float = Field(default=5, gt=0, le=60)

    def open(self) -> MqttSink:
        """Read the password.

        Raises:
            MissingExtra: without paho-mqtt.
            UsageError: if the password cannot be read.
        """
        try:
            import paho.mqtt.client  # noqa: F401
        except ImportError as error:
            raise MissingExtra(f"sink {self.name} (MQTT)", "service") from error
        return MqttSink(self, self.password_in(self.password_file))


class MqttSink:
    """One connection; after a failure a new one, and what was not acknowledged is sent again."""

    def __init__(self, config: MqttConfig, password: str | None = None) -> None:
        self._config, self._password = config, password
        self._client: Client | None = None
        self._sent: list[MQTTMessageInfo] = []
        self._states: tuple[LaneStatus, ...] = ()
        self._again: int | None = None
        """The number from which on somebody misses verdicts."""

    def resume(self, cursor: int) -> int:
        """Where the cursor stands, or before what somebody misses."""
        self._connected()
        again, self._again = self._again, None
        return cursor if again is None else min(cursor, again - 1)

    def deliver(self, record: Record) -> None:
        """Publish it; ``flush`` waits until the broker has it."""
        if self._again is not None and self._again < record["number"]:
            raise SinkError(f"verdicts from number {self._again} on are asked for again", "they are sent now")
        self._publish(f"lanes/{record['lane']}/verdict", dict(record), retain=False)

    def flush(self) -> None:
        """Wait for the broker's acknowledgements."""
        until = monotonic() + self._config.timeout_s
        sent, self._sent = self._sent, []
        try:
            for message in sent:
                message.wait_for_publish(max(0.0, until - monotonic()))
            missing = sum(not message.is_published() for message in sent)
        except (RuntimeError, ValueError) as error:
            self.close()
            raise self._lost(str(error)) from error
        if missing:
            self.close()
            raise self._lost(f"{missing} messages were not acknowledged")

    def tell(self, statuses: Sequence[LaneStatus]) -> None:
        """Publish each lane's state and the worst of all, retained."""
        self._states = tuple(statuses)
        client = self._connected()
        self._publish_states(client)
        self.flush()

    def close(self) -> None:
        """Say that nobody screens any more, and disconnect."""
        client, self._client = self._client, None
        self._sent.clear()
        if client is None:
            return
        if client.is_connected():
            farewell = client.publish(f"{self._config.prefix}/state", _text(_gone("stopped")), _QOS, retain=True)
            with suppress(RuntimeError, ValueError):  # then the broker speaks the last will, which says the same
                farewell.wait_for_publish(1.0)
        client.disconnect()
        client.loop_stop()

    def _connected(self) -> Client:
        """The connection; made where there is none."""
        if self._client is not None and self._client.is_connected():
            return self._client
        self.close()
        config, answered, refused = self._config, Event(), []
        client = self._make_client()

        def on_connect(client: Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
            if reason.is_failure:
                refused.append(str(reason))
            else:
                client.subscribe(f"{config.prefix}/again", _QOS)
                self._publish_states(client)  # also after a reconnection: the broker has spoken our last will
            answered.set()

        def on_message(client: Client, userdata: Any, message: Any) -> None:
            if message.payload.isdigit() and len(message.payload) < 16:
                asked = max(1, int(message.payload))
                self._again = asked if self._again is None else min(asked, self._again)

        client.on_connect, client.on_message = on_connect, on_message
        try:
            client.connect(config.host, config.port, _KEEP_ALIVE_S)
        except (OSError, ValueError) as error:
            raise self._lost(str(error)) from error
        client.loop_start()
        self._client = client
        if not answered.wait(config.timeout_s) or refused:
            self.close()
            raise self._lost(refused[0] if refused else "no answer")
        return client

    def _make_client(self) -> Client:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        config = self._config
        client = Client(CallbackAPIVersion.VERSION2, client_id=config.client_id, clean_session=True)
        client.connect_timeout = config.timeout_s
        client.max_queued_messages_set(1000)
        client.will_set(f"{config.prefix}/state", _text(_gone("connection-lost")), _QOS, retain=True)
        if config.username:
            client.username_pw_set(config.username, self._password)
        if config.ca_file is not None:
            try:
                client.tls_set(ca_certs=str(config.ca_file))
            except (OSError, ValueError) as error:
                raise SinkError(
                    f"{config.ca_file} is no certificate ({error})", "name the broker's CA certificate, in PEM"
                ) from error
        return client

    def _publish_states(self, client: Client) -> None:
        if not self._states:
            return
        prefix = self._config.prefix
        for status in self._states:
            self._sent.append(
                client.publish(f"{prefix}/lanes/{status.lane}/state", _text(status.to_record()), _QOS, retain=True)
            )
        worst = max(self._states, key=lambda status: status.state)
        self._sent.append(client.publish(f"{prefix}/state", _text(worst.to_record()), _QOS, retain=True))

    def _publish(self, topic: str, value: dict[str, Any], retain: bool) -> None:
        client = self._connected()
        try:
            self._sent.append(client.publish(f"{self._config.prefix}/{topic}", _text(value), _QOS, retain))
        except (RuntimeError, ValueError) as error:
            raise self._lost(str(error)) from error

    def _lost(self, why: str) -> SinkError:
        return SinkError(
            f"the broker {self._config.host}:{self._config.port} does not take messages ({why})",
            "start the broker, or check address, user and password",
        )


def _gone(cause: str) -> dict[str, object]:
    return {
        "lane": None,
        "state": State.NOT_SCREENING.name,
        "cause": cause,
        "detail": "the screening program is not connected",
        "since": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "others": [],
    }


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, allow_nan=False)
