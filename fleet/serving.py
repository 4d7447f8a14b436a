"""Models on Ray Serve: deployed, looked at, taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from ..detector.errors import RunError
from ..inference.model_file import read_model
from .config import ClusterConfig, DeployedModel
from .replica import NetworkReplica

_READY_S = 180.0
_LOGGING = {"enable_access_log": False, "log_level": "WARNING"}
"""A line a request would cost more than the request's way through Ray Serve should."""


@dataclass(frozen=True, slots=True)
class Served:
    """How one model is doing."""

    name: str
    status: str
    """As Ray says it: RUNNING, DEPLOYING, UNHEALTHY …"""
    replicas: Mapping[str, int]
    """State → how many."""
    message: str = ""


def deploy(config: ClusterConfig) -> None:
    """Bring up every model and wait until all answer; models that were there under these names are replaced.

    Raises:
        ModelError: if a model is refused; then nothing was changed.
        RunError: if a model does not come up.
    """
    from ray import serve

    contents = {model.name: read_model(model.model).content for model in config.models}
    serve.start(
        proxy_location="EveryNode" if config.ray.address else "HeadOnly",
        http_options={"host": config.http.host, "port": config.http.port, "request_timeout_s": 30},
        logging_config=_LOGGING,
    )
    for model in config.models:
        application = _application(model, contents[model.name])
        serve.run(application, name=model.name, route_prefix=route_of(model.name), blocking=False)
    _wait(config)


def route_of(name: str) -> str:
    """Where a model answers."""
    return f"/v2/models/{name}"


def served(names: Sequence[str]) -> list[Served]:
    """How the models are doing now."""
    from ray import serve

    found = serve.status().applications
    told = []
    for name in names:
        if name not in found:
            told.append(Served(name, "NOT DEPLOYED", {}))
            continue
        states: dict[str, int] = {}
        for deployment in found[name].deployments.values():
            for state, count in deployment.replica_states.items():
                states[str(getattr(state, "value", state))] = states.get(str(getattr(state, "value", state)), 0) + count
        status = str(getattr(found[name].status, "value", found[name].status))
        told.append(Served(name, status, states, found[name].message))
    return told


def withdraw(names: Sequence[str]) -> None:
    """Take models from the cluster; those that are not there are passed over."""
    from ray import serve

    for name in names:
        serve.delete(name)


def _wait(config: ClusterConfig) -> None:
    names, until = [model.name for model in config.models], monotonic() + _READY_S
    while missing := [each for each in served(names) if each.status != "RUNNING"]:
        failed = [each for each in missing if each.status == "DEPLOY_FAILED"]
        if failed or monotonic() > until:
            why = "; ".join(f"{each.name} {each.status} {_short(each.message)}" for each in failed or missing)
            raise RunError(f"not every model came up: {why}", "see that the cluster has the CPUs the file asks for")
        sleep(0.2)


def _short(message: str) -> str:
    return " ".join(message.split())[:200]


def _application(model: DeployedModel, content: bytes) -> Any:
    from ray import serve

    @serve.deployment(name=model.name, **_options(model))
    class Deployed:
        """Ray Serve's side of a replica: nothing but wiring."""

        def __init__(self, content: bytes) -> None:
            threads = max(1, int(model.cpus))
            self._replica = NetworkReplica(content, model.name, threads, "auto" if model.gpus else "cpu")

        async def __call__(self, request: Any) -> Any:
            return await self._replica.answer(request, self._run if model.batch.most > 1 else self._run_alone)

        async def _run_alone(self, picture: Any) -> Any:
            return (await self._replica.run([picture]))[0]

        @serve.batch(  # type: ignore[untyped-decorator]
            max_batch_size=model.batch.most, batch_wait_timeout_s=model.batch.wait_ms / 1e3
        )
        async def _run(self, pictures: list[Any]) -> list[Any]:
            return await self._replica.run(pictures)

        def check_health(self) -> None:
            self._replica.check()

    return Deployed.bind(content)  # type: ignore[attr-defined]


def _options(model: DeployedModel) -> dict[str, Any]:
    scaling = model.autoscaling
    replicas: dict[str, Any] = {"num_replicas": model.replicas}
    if scaling is not None:
        replicas = {
            "autoscaling_config": {
                "min_replicas": scaling.least,
                "max_replicas": scaling.most,
                "target_ongoing_requests": scaling.ongoing,
            }
        }
    return replicas | {
        "logging_config": _LOGGING,
        "ray_actor_options": {"num_cpus": model.cpus, "num_gpus": model.gpus},
        "max_ongoing_requests": 2 * model.batch.most,
        "max_queued_requests": model.waiting,
        "health_check_period_s": model.health_every_s,
        "health_check_timeout_s": 10,
        "graceful_shutdown_wait_loop_s": 0.2,
        "graceful_shutdown_timeout_s": 5,
    }
