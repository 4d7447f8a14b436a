"""The network and its training engine. This is the only file of the project that imports Ultralytics.

What the engine calls by its own names stops here: outside, there are class names, pictures as arrays, boxes as
``xyxy`` pixels and our errors. Nothing is ever downloaded, and a ``.pt`` file is read as data, never as code.
"""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .checkpoint_file import check_checkpoint
from .engine_arguments import engine_arguments
from .errors import MissingExtra, ModelError, RunError
from .isolation import isolate_engine
from .lesson import EpochReport, LabelledPicture, Lesson, OnBatch, OnEpoch, Sample

_HOME = isolate_engine()
_OMP_THREADS = os.environ.get("OMP_NUM_THREADS")
try:
    import torch  # before the engine, which would otherwise hold it to one thread
    from torch.utils.data import DataLoader, Dataset
    from ultralytics.data.augment import LetterBox
    from ultralytics.data.dataset import YOLODataset
    from ultralytics.models.yolo.detect import DetectionTrainer
    from ultralytics.nn import tasks
    from ultralytics.utils import LOGGER, SETTINGS
    from ultralytics.utils.events import events
    from ultralytics.utils.torch_utils import strip_optimizer

    from .raw_onnx import write_raw_onnx
    from .start_weights_file import trained_px, write_start_weights
except ModuleNotFoundError as error:
    raise MissingExtra("training", "train") from error

if _OMP_THREADS is None:
    os.environ.pop("OMP_NUM_THREADS", None)  # the engine sets 1 for every child process
# Where someone imported the engine before us, its environment was read without isolate_engine(); hence once more.
tasks.SAFE_LOAD = True
events.enabled = False
dict.update(
    SETTINGS,
    dict.fromkeys(("sync", "clearml", "comet", "dvc", "mlflow", "raytune", "tensorboard", "wandb"), False),
    datasets_dir=str(_HOME / "datasets"),
    weights_dir=_HOME / "weights",
    runs_dir=str(_HOME / "runs"),
)

ARCHITECTURES = ("yolo26n", "yolo26s", "yolo26m")
MAX_DETECTIONS = 300
STRIDE_PX = 32
"""Input sizes are multiples of this."""

Float32 = NDArray[np.float32]


class Network:
    """A YOLO26 detector in torch. Its output is contract 1's: NMS-free, nothing dropped, nothing that times out."""

    def __init__(self, model: Any, source: str) -> None:
        self._model = model
        self._fused: Any = None
        self.source = source

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in class-id order."""
        names = self._model.names
        return tuple(str(names[i]) for i in sorted(names))

    @property
    def architecture(self) -> str:
        """``yolo26n``, ``yolo26s``, ``yolo26m``; whatever the file says for a foreign one."""
        return Path(str(self._model.yaml.get("yaml_file", "unknown"))).stem

    @property
    def input_px(self) -> int | None:
        """Side of the square it was trained at; None for a network that was never trained here."""
        return trained_px(self._model)

    def predict(self, images: Float32) -> Float32:
        """Run the network on letterboxed pictures.

        Args:
            images: (N, 3, S, S) RGB in 0…1, S a multiple of STRIDE_PX.

        Returns:
            (N, K, 6): x1 y1 x2 y2 in input pixels, score, class; best first.
        """
        if images.ndim != 4 or images.shape[1] != 3 or any(side % STRIDE_PX for side in images.shape[2:]):
            raise ValueError(f"images must be (N, 3, S, S) with S a multiple of {STRIDE_PX}, not {images.shape}")
        if self._fused is None:
            self._fused = self._for_inference(None)
        with torch.inference_mode():
            output: Float32 = self._fused(torch.from_numpy(np.ascontiguousarray(images, np.float32))).numpy()
        return output

    def export_raw_onnx(self, out_path: Path, input_px: int, dynamic_batch: bool = True, opset: int = 17) -> None:
        """Write the network as ONNX: contract 1's input and output, no metadata yet.

        Args:
            out_path: the file to write.
            input_px: side S of the square input.
            dynamic_batch: leave N free; else N = 1.
            opset: at most 18.

        Raises:
            ModelError: if the export fails or does not have the shape of the contract.
        """
        if input_px % STRIDE_PX:
            raise ModelError(f"cannot export at input_px={input_px}", f"use a multiple of {STRIDE_PX}")
        write_raw_onnx(self._for_inference(input_px), self.source, out_path, input_px, dynamic_batch, opset)

    def write_start_weights(self, path: Path) -> None:
        """Write the network alone, to begin other trainings with. Raises ModelError."""
        write_start_weights(self._model, path)

    def _for_inference(self, input_px: int | None) -> Any:
        """A fused copy with the NMS-free head alone; with ``input_px``, never asking for more boxes than it has."""
        model = deepcopy(self._model).cpu().float().eval()
        if hasattr(model, "criterion"):
            model.criterion = None
        for parameter in model.parameters():
            parameter.requires_grad = False
        model.end2end = True
        model = model.fuse(verbose=False)
        head = model.model[-1]
        cells = MAX_DETECTIONS if input_px is None else sum((input_px // int(s)) ** 2 for s in model.stride.tolist())
        head.export, head.format, head.dynamic, head.agnostic_nms, head.xyxy = True, "onnx", False, False, False
        head.max_det = min(MAX_DETECTIONS, cells)
        head.shape = None  # forget the grid of the size it was trained at
        return model


def load_network(source: str | Path) -> Network:
    """Read a trained network.

    Args:
        source: a ``.pt`` file, or a run directory of ``parcelsight train`` (its best weights).

    Raises:
        ModelError: if the file is missing, damaged, no detection network, or holds anything but known layers.
    """
    path = Path(source)
    if path.is_dir():
        path = path / "weights" / "best.pt"
    if path.suffix != ".pt" or not path.is_file():
        raise ModelError(f"{path}: no such weights file", "give a run directory or a .pt file that training wrote")
    check_checkpoint(path)
    try:
        model, _ = tasks.load_checkpoint(str(path.resolve()))
    except Exception as error:  # unpickling damaged or hostile bytes can raise anything
        raise ModelError(
            f"{path} cannot be read as network weights: damaged, or it holds more than known layers",
            "use a .pt file written by parcelsight train, or original YOLO26 start weights",
        ) from error
    if not isinstance(model, tasks.DetectionModel) or not hasattr(model.model[-1], "one2one_cv2"):
        raise ModelError(
            f"{path} is no NMS-free detection network ({type(model).__name__})",
            f"use one of {', '.join(ARCHITECTURES)}",
        )
    return Network(model, str(path))


def build_network(architecture: str, classes: tuple[str, ...], start: Path | None, seed: int = 0) -> Network:
    """A new network for the given classes, its layers taken from start weights where they fit.

    Args:
        architecture: one of ARCHITECTURES.
        classes: what it shall detect, in class-id order.
        start: weights to begin with; None begins from random ones, which needs far more data.
        seed: of the layers that begin at random.

    Raises:
        ModelError: if the start weights cannot be read or are of another architecture.
    """
    torch.manual_seed(seed)
    model = tasks.DetectionModel(f"{architecture}.yaml", nc=len(classes), verbose=False)
    if start is not None:
        source = load_network(start)
        if source.architecture != architecture:
            raise ModelError(
                f"{start} holds {source.architecture}, the recipe asks for {architecture}",
                "set network: or start_weights: so that they agree",
            )
        model.load(source._model, verbose=False)
    model.names = dict(enumerate(classes))
    return Network(model, str(start or architecture))


def show_engine_log(wanted: bool) -> None:
    """Let the engine's own messages through, or keep them back."""
    LOGGER.setLevel("INFO" if wanted else "ERROR")


def find_device(wanted: str) -> tuple[str, str]:
    """Where to train: ``cpu`` or ``cuda``, and the GPU's name.

    Raises:
        RunError: if a GPU is asked for and torch finds none.
    """
    if wanted != "cpu" and torch.cuda.is_available():
        return "cuda", str(torch.cuda.get_device_name(0))
    if wanted == "cuda":
        raise RunError("a GPU was asked for, but torch finds none here", "set device: auto or cpu")
    return "cpu", f"{torch.get_num_threads()} threads"


def cpu_has_matrix_units() -> bool:
    """True where the CPU multiplies bfloat16 matrices in hardware (AMX)."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def train_network(network: Network, lesson: Lesson, on_batch: OnBatch, on_epoch: OnEpoch) -> None:
    """Teach a network, from the beginning or, where ``last.pt`` is unfinished, from its next epoch.

    At the end ``weights/best.pt`` and ``weights/last.pt`` hold the network alone, without the optimizer's state.

    Raises:
        RunError: if memory or disk run out, or the numbers diverge.
    """
    try:
        _Engine(network, lesson, on_batch, on_epoch).train()
    except OSError as error:
        raise RunError(
            f"{lesson.run_dir}: training cannot go on ({error.strerror or error})",
            "free disk space or correct the folder, then continue with --resume",
        ) from error
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        remedy = "use a smaller batch: or input_px:" if "memory" in reason else "use a smaller learning_rate:"
        raise RunError(f"training stopped: {reason}", remedy) from error


def finished_epochs(weights: Path) -> int | None:
    """Epochs a checkpoint has behind it, as far as it can be continued; None for a finished training."""
    try:
        _, checkpoint = tasks.load_checkpoint(str(weights))
    except Exception as error:
        raise ModelError(f"{weights} cannot be read: damaged", "delete it to begin the run again") from error
    return int(checkpoint["epoch"]) + 1 or None


class EnginePictures(Dataset):  # type: ignore[misc]
    """Letterboxed pictures as the engine wants them, one dictionary each."""

    def __init__(self, pictures: tuple[LabelledPicture, ...], lesson: Lesson, varied: bool) -> None:
        self._pictures, self._lesson, self._varied = pictures, lesson, varied
        self._kept: dict[int, Sample] = {}
        self.labels = [{"cls": picture.class_ids} for picture in pictures]  # the engine counts objects in it
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._lesson.draw(self.epoch)) if self._varied else len(self._pictures)

    def __getitem__(self, position: int) -> dict[str, Any]:
        index = int(self._lesson.draw(self.epoch)[position]) if self._varied else position
        sample = self._square(index)
        if self._varied:
            # Seeded by what it is, not by what came before: workers and interruptions change nothing.
            (seed,) = np.random.SeedSequence((self._lesson.seed, self.epoch, position)).generate_state(1)
            sample = self._lesson.augment(sample, int(seed), self._square)
        side = sample.pixels.shape[0]  # windows are smaller than what the network is used on
        low, high = np.hsplit(sample.xyxy_px.astype(np.float32) / side, 2)
        return {
            "img": torch.from_numpy(np.ascontiguousarray(sample.pixels.transpose(2, 0, 1))),
            "cls": torch.from_numpy(sample.class_ids.astype(np.float32)[:, None]),
            "bboxes": torch.from_numpy(np.hstack([(low + high) / 2, high - low])),
            "batch_idx": torch.zeros(len(sample.class_ids)),
            "im_file": self._pictures[index].name,
            **{"ori_shape": (side, side), "resized_shape": (side, side), "ratio_pad": ((1.0, 1.0), (0.0, 0.0))},
        }

    def _square(self, index: int) -> Sample:
        """The letterboxed picture with its boxes."""
        if index in self._kept:
            return self._kept[index]
        picture, side = self._pictures[index], self._lesson.input_px
        pixels = np.ascontiguousarray(picture.read())
        # The rule of the runtime's letterbox: centred, the odd pixel at the right and the bottom, air around.
        air = 255 if pixels.dtype == np.uint8 else self._lesson.air_level
        place = (letterbox := LetterBox((side, side), padding_value=air)).get_params({"img": pixels})
        (width, height), left, top = (place[key] for key in ("new_unpad", "left", "top"))
        scale = np.array([width / pixels.shape[1], height / pixels.shape[0]] * 2, np.float32)
        xyxy = picture.xyxy_px * scale + np.array([left, top] * 2, np.float32)
        square = letterbox.apply_image({"img": pixels}, place)["img"]
        sample = Sample(square, xyxy, picture.class_ids, (left, top, left + width, top + height))
        if self._lesson.in_memory:
            self._kept[index] = sample
        return sample


class _Engine(DetectionTrainer):  # type: ignore[misc]
    """The engine's training loop on our pictures, with everything it would decide or fetch by itself decided here."""

    last: Path
    best: Path

    def __init__(self, network: Network, lesson: Lesson, on_batch: OnBatch, on_epoch: OnEpoch) -> None:
        self._lesson, self._network, self._on_batch, self._on_epoch = lesson, network, on_batch, on_epoch
        last = lesson.run_dir / "weights" / "last.pt"
        half = lesson.device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        super().__init__(overrides=engine_arguments(lesson, half) | ({"resume": str(last)} if last.exists() else {}))
        # A resumed run keeps the checkpoint's arguments; its recipe may have been given more or fewer epochs since.
        self.epochs = self.args.epochs = lesson.epochs
        torch.set_num_threads(len(os.sched_getaffinity(0)))  # the engine leaves one core idle
        if not self.resume:
            self.model = network._model
        self._batches = 0
        self.add_callback("on_train_start", _Engine._begin_training)
        self.add_callback("on_train_epoch_start", _Engine._begin_epoch)
        self.add_callback("on_train_batch_end", _Engine._end_batch)

    def get_dataset(self) -> dict[str, Any]:
        """Our class names; the engine's own way reads YAML, runs download scripts and fetches a font."""
        names = dict(enumerate(self._network.classes))
        return {"train": "train", "val": "val", "names": names, "nc": len(names), "channels": 3}

    def get_dataloader(self, dataset_path: str, batch_size: int = 16, rank: int = 0, mode: str = "train") -> Any:
        """Batches of our pictures."""
        learn, lesson = mode == "train", self._lesson
        pictures = EnginePictures(lesson.train if learn else lesson.val, lesson, varied=learn)
        workers = lesson.workers if lesson.device == "cuda" else 0
        if workers and lesson.in_memory:
            for index in range(len(pictures.labels)):
                pictures._square(index)  # before the workers are forked, so that they share the memory
        return DataLoader(
            pictures,
            batch_size=min(batch_size, len(pictures)),
            shuffle=learn,
            generator=torch.Generator(),
            num_workers=workers,
            pin_memory=workers > 0,
            collate_fn=YOLODataset.collate_fn,
        )

    def save_model(self) -> bool:
        """Report the epoch, then write its checkpoints so that a kill at any instant leaves a whole one."""
        self._report_epoch()
        last, best = self.last, self.best
        self.last, self.best = last.with_suffix(".part"), best.with_suffix(".part")
        try:
            super().save_model()
            for part, whole in ((self.best, best), (self.last, last)):
                if part.exists():
                    os.replace(part, whole)
        finally:
            self.last, self.best = last, best
        return True

    def save_metrics(self, metrics: dict[str, float]) -> None:
        """Metrics are reported, see ``_report_epoch``; the run directory keeps one table, ours."""

    def read_results_csv(self) -> dict[str, Any]:
        """No table travels inside the weights."""
        return {}

    def final_eval(self) -> None:
        """Strip the optimizer's state; the best epoch was already validated when it was reached."""
        for weights in (self.best, self.last):  # in this order: a stripped last.pt means that all is done
            part = weights.with_suffix(".part")
            strip_optimizer(weights, part)
            os.replace(part, weights)

    def _begin_training(self) -> None:
        # The engine knows mixed precision on GPUs alone. Matrix units of newer CPUs make it pay there too; the weights
        # and their updates stay float32 (benchmarks/training_precision.py).
        if self._lesson.device == "cpu" and self._lesson.mixed_precision and cpu_has_matrix_units():
            self.amp = True
            self.model = self.model.to(memory_format=torch.channels_last)
        # Deterministic algorithms stay on; filling every fresh tensor with NaN besides only costs time.
        torch.utils.deterministic.fill_uninitialized_memory = False

    def _begin_epoch(self) -> None:
        self._batches = 0
        self.train_loader.dataset.epoch = self.epoch
        # The order of an epoch depends on its number alone, so that a resumed run goes on as an unbroken one would.
        self.train_loader.generator.manual_seed(self._lesson.seed * 100_003 + self.epoch)

    def _end_batch(self) -> None:
        self._batches += 1
        self._on_batch(self.epoch + 1, self._batches, len(self.train_loader))

    def _report_epoch(self) -> None:
        score = {
            name: float(self.metrics[f"metrics/{name}(B)"]) for name in ("precision", "recall", "mAP50", "mAP50-95")
        }
        losses = self.label_loss_items(self.tloss) | {k: v for k, v in self.metrics.items() if k.startswith("val/")}
        report = EpochReport(
            epoch=self.epoch + 1,
            losses={name.removesuffix("_loss"): float(value) for name, value in losses.items()},
            precision=score["precision"],
            recall=score["recall"],
            map50=score["mAP50"],
            map50_95=score["mAP50-95"],
            is_best=bool(self.best_fitness == self.fitness),
        )
        self._on_epoch(report)
