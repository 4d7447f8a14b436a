"""Figures for Prometheus. Counts come from the ledger, so a restart does not set them back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from threading import Event, Thread
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ... import __version__
from ...detector.errors import LedgerError
from ..lanes.ledger import ACCEPTED, LOST, REFUSED
from ..lanes.state import State
from .context import ServiceContext

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60)
_PAGE = 200
_LOOK_S = 2.0


class Metrics:
    """All figures, read when they are asked for; latencies as verdicts come."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context
        self._registry = CollectorRegistry()
        self._registry.register(_Figures(context))
        self._latency = Histogram(
            "parcelsight_verdict_latency_seconds", "From the scan's acceptance to its verdict.", ["lane"],
            buckets=_BUCKETS_S, registry=self._registry,
        )  # fmt: skip
        self._stop, self._news = Event(), Event()
        self._thread = Thread(target=self._follow, name="metrics", daemon=True)

    def start(self) -> None:
        """Follow the verdicts from now on."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stop.set()
        self._news.set()
        self._thread.join(5.0)

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)

    def _follow(self) -> None:
        ledger = self._context.ledger
        cursor: int | None = None
        with self._context.hub.subscribe(wake=self._news.set) as events:
            while not self._stop.is_set():
                self._news.wait(_LOOK_S)
                self._news.clear()
                while events.get(0) is not None:
                    pass  # only that there is news: the ledger tells what
                try:
                    if cursor is None:
                        cursor = ledger.counts().last_number
                    while records := ledger.verdicts_since(cursor, _PAGE):
                        for record in records:
                            self._latency.labels(record["lane"]).observe(_latency_s(record))
                        cursor = int(records[-1]["number"])
                except LedgerError:
                    continue  # the lanes say so themselves; counted when it can be read again


def _latency_s(record: dict[str, Any]) -> float:
    """From acceptance to verdict, on the monotonic clock; by the ledger's times where it was not taken."""
    if "since_accepted" in record["timing_ms"]:
        return float(record["timing_ms"]["since_accepted"]) / 1e3
    decided, accepted = (datetime.fromisoformat(record[key]) for key in ("decided_at", "accepted_at"))
    return max(0.0, (decided - accepted).total_seconds())


class _Figures:
    """Collector of everything that is asked for rather than followed."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def collect(self) -> Iterator[Metric]:
        """All figures now."""
        yield from self._program()
        yield from self._lanes()
        yield from self._ledger()
        yield from self._sinks()

    def describe(self) -> list[Metric]:
        """Nothing: names are fixed, and describing would read the ledger before it is asked for."""
        return []

    def _program(self) -> Iterator[Metric]:
        card = self._context.card
        info = GaugeMetricFamily(
            "parcelsight_model_info", "The model in force.", labels=["name", "version", "weights_sha256", "program"]
        )
        info.add_metric([card.name, card.version, card.weights_sha256[:12], __version__], 1)
        yield info

    def _lanes(self) -> Iterator[Metric]:
        state = GaugeMetricFamily(
            "parcelsight_lane_state", "0 screening, 1 degraded, 2 not screening.", labels=["lane", "cause"]
        )
        screening = GaugeMetricFamily("parcelsight_lane_screening", "1 while scans are judged.", labels=["lane"])
        for status in self._context.statuses():
            state.add_metric([status.lane, str(status.cause or "")], int(status.state))
            screening.add_metric([status.lane], float(status.state is not State.NOT_SCREENING))
        depth = GaugeMetricFamily("parcelsight_queue_depth", "Accepted scans that wait for a worker.", labels=["lane"])
        lines = CounterMetricFamily("parcelsight_lines", "Lines of the stream since the start.", labels=["lane"])
        watchers = GaugeMetricFamily("parcelsight_belt_watchers", "Programs that watch the belt.", labels=["lane"])
        dropped = CounterMetricFamily(
            "parcelsight_belt_rows_dropped", "Rows that watchers of the belt were too slow for.", labels=["lane"]
        )
        for gauge in self._context.gauges():
            watchers.add_metric([gauge.lane], gauge.belt_watchers)
            dropped.add_metric([gauge.lane], gauge.belt_rows_dropped)
            depth.add_metric([gauge.lane], gauge.queue_depth)
            lines.add_metric([gauge.lane], gauge.lines)
        yield from (state, screening, depth, lines, watchers, dropped)

    def _ledger(self) -> Iterator[Metric]:
        scans = CounterMetricFamily("parcelsight_scans_accepted", "Scans in the ledger.", labels=["lane"])
        verdicts = CounterMetricFamily("parcelsight_verdicts", "Verdicts.", labels=["lane", "verdict"])
        losses = CounterMetricFamily(
            "parcelsight_losses", "Not judged, refused or lost, by cause.", labels=["lane", "outcome", "cause"]
        )
        up = GaugeMetricFamily("parcelsight_ledger_up", "1 while the ledger can be read.")
        pending = GaugeMetricFamily("parcelsight_scans_pending", "Accepted scans without a verdict.")
        try:
            tallies, counts = self._context.ledger.tallies(), self._context.ledger.counts()
        except LedgerError:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        pending.add_metric([], counts.pending)
        by_verdict: dict[tuple[str, str], int] = {}
        for tally in tallies:
            if tally.outcome == ACCEPTED:
                scans.add_metric([tally.lane], tally.count)
            elif tally.outcome not in (REFUSED, LOST):
                key = tally.lane, tally.outcome
                by_verdict[key] = by_verdict.get(key, 0) + tally.count
            if tally.cause is not None:
                losses.add_metric([tally.lane, tally.outcome, str(tally.cause)], tally.count)
        for (lane, verdict), count in by_verdict.items():
            verdicts.add_metric([lane, verdict], count)
        yield from (up, pending, scans, verdicts, losses)

    def _sinks(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("parcelsight_sink_up", "1 while the sink takes verdicts.", labels=["sink"])
        behind = GaugeMetricFamily("parcelsight_sink_behind", "Verdicts that wait for the sink.", labels=["sink"])
        delivered = CounterMetricFamily("parcelsight_sink_delivered", "Since the start, repeats too.", labels=["sink"])
        failures = CounterMetricFamily("parcelsight_sink_failures", "Since the start.", labels=["sink"])
        for status in self._context.sinks():
            up.add_metric([status.name], float(status.up))
            behind.add_metric([status.name], status.behind)
            delivered.add_metric([status.name], status.delivered)
            failures.add_metric([status.name], status.failures)
        yield from (up, behind, delivered, failures)
