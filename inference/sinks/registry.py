"""Every kind of sink, by the ``kind`` of its entry under ``sinks:``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .json_lines import JsonLinesConfig
from .mqtt import MqttConfig
from .postgres import PostgresConfig
from .webhook import WebhookConfig

AnySink = Annotated[JsonLinesConfig | MqttConfig | PostgresConfig | WebhookConfig, Field(discriminator="kind")]
"""A new kind is one more ``| XConfig``."""
