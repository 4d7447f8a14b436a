"""Is the program alive, is screening really happening, and with which model: KServe's open inference protocol, v2.

https://github.com/kserve/open-inference-protocol
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from ...detector.contract import CONTRACT_VERSION, INPUT_NAME, OUTPUT_NAME
from ..lanes.state import LaneStatus, State
from .context import ServiceContext
from .problems import Refused
from .schemas import LaneState, Live, Model, Problem, Ready, Tensor


def health_router(context: ServiceContext) -> APIRouter:
    """The routes under /v2."""
    router = APIRouter(prefix="/v2", tags=["health"])
    card = context.card

    @router.get("/health/live", summary="Is the program alive?")
    async def live() -> Live:
        """Always true where there is an answer. Says nothing about screening: ask `ready`."""
        return Live()

    @router.get(
        "/health/ready",
        summary="Is screening really happening?",
        responses={404: {"model": Problem}, 503: {"model": Ready}},
    )
    async def ready(
        request: Request,
        lane: Annotated[str | None, Query(max_length=64, description="Only this lane; without, all.")] = None,
    ) -> JSONResponse:
        """200 while every lane is screened (degraded lanes are), else 503 with the cause: look at every parcel."""
        statuses = [status for status in context.statuses() if lane in (None, status.lane)]
        if not statuses:
            raise Refused(404, f"there is no lane {lane!r}"[:120], "ask without `lane` for all")
        screening = all(status.state is not State.NOT_SCREENING for status in statuses)
        told = [_lane_state(s) for s in statuses if s.state is not State.SCREENING] if request.state.trusted else []
        return JSONResponse(Ready(ready=screening, lanes=told).model_dump(), 200 if screening else 503)

    in_force = Model(
        name=card.name,
        versions=[card.version],
        platform="onnx_onnxruntime",
        inputs=[Tensor(name=INPUT_NAME, datatype="FP32", shape=[1, 3, card.input_px, card.input_px])],
        outputs=[Tensor(name=OUTPUT_NAME, datatype="FP32", shape=[1, -1, 6])],
        parameters={
            "contract": CONTRACT_VERSION,
            "taxonomy": card.taxonomy,
            "classes": [
                {"name": c.name, "group": str(c.group), "threshold": c.threshold} for c in card.classes
            ],
            "operating_point": card.operating_point.model_dump(),
            "licence": card.licence,
            "weights_sha256": card.weights_sha256,
            "calibration": card.calibration and card.calibration.model_dump(),
        },
    )  # fmt: skip

    @router.get("/models", summary="The model in force, for whoever does not know its name")
    async def only_model() -> Model:
        """As `/v2/models/{name}`."""
        return in_force

    @router.get("/models/{name}", summary="The model in force", responses={404: {"model": Problem}})
    async def model(name: str) -> Model:
        """Name, version, tensors of contract 1, and what the model card tells."""
        _check_name(name)
        return in_force

    @router.get(
        "/models/{name}/ready",
        summary="Is the model loaded?",
        responses={404: {"model": Problem}, 503: {"model": Ready}},
    )
    async def model_ready(name: str, request: Request) -> JSONResponse:
        """As `/v2/health/ready`: a model that is loaded and judges nothing is not ready."""
        _check_name(name)
        return await ready(request)

    def _check_name(name: str) -> None:
        if name != card.name:
            raise Refused(404, f"no model of this name; the model in force is {card.name}", "ask for it by that name")

    return router


def _lane_state(status: LaneStatus) -> LaneState:
    return LaneState.model_validate(status.to_record())
