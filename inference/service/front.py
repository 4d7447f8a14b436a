"""What the lanes show and tell to the world: the service and the sinks, started and stopped with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..lanes.belt_view import BeltView
from ..lanes.runtime import Lanes
from ..lanes.source_belt import BeltSource
from ..lanes.source_http import UploadSource
from ..lanes.source_lines import LinesSource
from ..sinks.pump import SinkPump, SinkStatus
from ..sinks.sink import SinkConfig
from .config import ServiceConfig, read_token
from .context import LaneGauge, ServiceContext
from .ending import Ending

if TYPE_CHECKING:
    from .server import Service


class Front:
    """The world's side of running lanes.

    Args:
        lanes: started or not.
        service: where the HTTP service listens; None for no service.
        sinks: where verdicts go besides.

    Raises:
        UsageError: if the service may not or cannot listen there, or a sink's secret cannot be read.
        MissingExtra: if a sink needs a package that is not installed.
    """

    def __init__(self, lanes: Lanes, service: ServiceConfig | None, sinks: Sequence[SinkConfig] = ()) -> None:
        self._lanes = lanes
        self._ending = Ending()
        self._pumps = [SinkPump(s.name, s.open(), lanes.ledger, lanes.hub, lanes.board.all) for s in sinks]
        self.service: Service | None = None
        if service is not None:
            # Sinks alone need none of the packages of [service].
            from .app import create_app
            from .server import serve

            token = read_token(service)
            self.service = serve(create_app(self._context(service, token)), service, token)
        for pump in self._pumps:
            pump.start()

    def sinks(self) -> list[SinkStatus]:
        """How every sink is doing."""
        return [pump.status for pump in self._pumps]

    def stop(self) -> None:
        """End: before the lanes, whose ledger is used here; what sinks have not taken waits in it."""
        self._ending.set()
        if self.service is not None:
            self.service.stop()
        for pump in self._pumps:
            pump.stop()

    def _context(self, config: ServiceConfig, token: str | None) -> ServiceContext:
        lanes = self._lanes
        return ServiceContext(
            ledger=lanes.ledger,
            hub=lanes.hub,
            statuses=lanes.board.all,
            card=lanes.pool.card,
            uploads={name: source for name, source in lanes.sources.items() if isinstance(source, UploadSource)},
            belts=self._belts(),
            turn_away=lambda lane: lanes.lanes[lane].turn_away(),
            gauges=self._gauges,
            sinks=self.sinks,
            config=config,
            token=token,
            ending=self._ending,
        )

    def _gauges(self) -> list[LaneGauge]:
        lanes, belts = self._lanes, self._belts()
        unseen = BeltView()
        return [
            LaneGauge(
                name,
                lane.depth,
                lanes.feeds[name].lines,
                belts.get(name, unseen).watchers,
                belts.get(name, unseen).dropped_rows,
            )
            for name, lane in lanes.lanes.items()
        ]

    def _belts(self) -> dict[str, BeltView]:
        sources = self._lanes.sources
        return {name: s.view for name, s in sources.items() if isinstance(s, (LinesSource, BeltSource))}
