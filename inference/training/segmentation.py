"""Train the segmentation network; resumes from its checkpoint after a kill."""

import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from monai.losses.dice import DiceCELoss
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from inference.segmentation.network import DeepLabV3Plus
from inference.training.augmentation import random_contrast, random_crops
from inference.training.data import LabeledSlice

WEIGHT_DECAY = 1e-4  # our choice
WARM_UP = 0.1  # our choice: part of the steps in which the rate rises
EMA_DECAY = 0.998  # our choice: averages about the last 500 steps
CHECKPOINT_EVERY = 250


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one network is trained.

    Attributes:
        encoder: One of ``network.ENCODERS``.
        steps: Number of optimizer steps.
        batch: Crops per step.
        phantom_share: Part of the crops that show a phantom, 0 to 1.
        pseudo_share: Part of the crops that show a slice with pseudo-labels.
        peak_rate: Highest learning rate of the one-cycle schedule.
        is_contrast_random: Whether the contrast of each crop is changed at random.
        seed: Of weights, crops and augmentation.

    """

    encoder: str = "mobilenetv2"
    steps: int = 4000
    batch: int = 8
    phantom_share: float = 0.2
    pseudo_share: float = 0.0
    peak_rate: float = 2e-3
    is_contrast_random: bool = True
    seed: int = 7


@dataclass(frozen=True, kw_only=True)
class Pools:
    """The slices that crops are cut from; one may be empty when its share is 0.

    Attributes:
        phantoms: Drawn spines.
        pseudo: Slices that an earlier network labeled.
        patients: Slices with masks of readers.

    """

    phantoms: Sequence[LabeledSlice] = ()
    pseudo: Sequence[LabeledSlice] = ()
    patients: Sequence[LabeledSlice] = ()


def train(
    recipe: Recipe, pools: Pools, *, directory: Path, start: Path | None = None
) -> DeepLabV3Plus:
    """Train until ``recipe.steps`` and return the averaged network.

    Args:
        recipe: What to do.
        pools: What to train on.
        directory: Receives ``checkpoint.pt`` and ``log.jsonl``; a checkpoint of the
            same recipe that lies there is continued.
        start: Folder of an earlier run of the same encoder, whose averaged weights
            are the first ones here; ``None`` starts from random weights.

    """
    directory.mkdir(parents=True, exist_ok=True)
    parts = _Parts(recipe, start)
    first = _resume(directory / "checkpoint.pt", recipe, parts.by_name())
    loss_of = DiceCELoss(softmax=True, to_onehot_y=True, batch=True)
    batches = DataLoader(
        _Batches(recipe, pools),
        batch_size=None,
        sampler=range(first, recipe.steps),
        num_workers=1,
    )
    progress = tqdm(batches, initial=first, total=recipe.steps, mininterval=10)
    for step, (images, labels) in enumerate(progress, start=first + 1):
        loss = parts.step(images, labels[:, None], loss_of)
        if step % CHECKPOINT_EVERY == 0 or step == recipe.steps:
            _save(directory, recipe, step, parts.by_name(), loss)
    return _network_of(parts.averaged)


class _Parts:
    """All that changes while training, and that a checkpoint holds."""

    def __init__(self, recipe: Recipe, start: Path | None) -> None:
        torch.manual_seed(recipe.seed)
        self.network = DeepLabV3Plus(recipe.encoder)
        if start:
            self.network.load_state_dict(load_averaged(start)[1].state_dict())
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = moving_average(self.network)
        parameters = self.network.parameters()
        self.optimizer = torch.optim.AdamW(parameters, weight_decay=WEIGHT_DECAY)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            max_lr=recipe.peak_rate,
            total_steps=recipe.steps,
            pct_start=WARM_UP,
        )

    def by_name(self) -> dict[str, object]:
        """Return the parts under the names that a checkpoint gives them."""
        return dict(vars(self))

    def step(self, images: Tensor, labels: Tensor, loss_of: DiceCELoss) -> float:
        """Take one optimizer step and return the loss."""
        self.network.train()
        with _autocast():
            scores = self.network(images.to(memory_format=torch.channels_last))
            loss: Tensor = loss_of(scores.float(), labels)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        self.averaged.update_parameters(self.network)
        return loss.item()


def load_averaged(directory: Path) -> tuple[Recipe, DeepLabV3Plus]:
    """Return the recipe of a run and its averaged network so far."""
    state = torch.load(directory / "checkpoint.pt", weights_only=True)
    recipe = Recipe(**state["recipe"])
    averaged = moving_average(DeepLabV3Plus(recipe.encoder))
    averaged.load_state_dict(state["averaged"])
    return recipe, _network_of(averaged)


def _network_of(averaged: AveragedModel) -> DeepLabV3Plus:
    network = averaged.module.eval()
    if not isinstance(network, DeepLabV3Plus):
        raise TypeError(f"averaged {type(network).__name__}")
    return network


def moving_average(network: nn.Module) -> AveragedModel:
    """Return an average of the steps of a network; the last ones count most.

    The decay rises to ``EMA_DECAY``, as in TensorFlow's ``ExponentialMovingAverage``:
    with a fixed one, half of a network of 300 steps would be its random start.
    """
    return AveragedModel(network, avg_fn=_moved, use_buffers=True)


def _moved(average: Tensor, value: Tensor, averaged: int | Tensor) -> Tensor:
    decay = min(EMA_DECAY, (1 + int(averaged)) / (10 + int(averaged)))
    return average.lerp(value, 1 - decay) if average.is_floating_point() else value


class _Batches(Dataset[tuple[Tensor, Tensor]]):
    """The augmented batch of each step; each step has its own random stream."""

    def __init__(self, recipe: Recipe, pools: Pools) -> None:
        shares = (recipe.phantom_share, recipe.pseudo_share)
        self.recipe = recipe
        self.pools = (pools.phantoms, pools.pseudo, pools.patients)
        self.shares = (*shares, 1 - sum(shares))

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor]:
        """Draw images ``(batch, 1, rows, columns)`` and labels."""
        rng = np.random.default_rng((self.recipe.seed, step))
        chosen = []
        for _ in range(self.recipe.batch):
            pool = self.pools[int(rng.choice(len(self.pools), p=self.shares))]
            chosen.append(pool[int(rng.integers(len(pool)))])
        images, labels = random_crops(chosen, rng)
        if self.recipe.is_contrast_random:
            images = random_contrast(images, labels, rng)
        return images, labels


def _autocast() -> torch.autocast | nullcontext[None]:
    """Use bfloat16 only where the processor has it: elsewhere it is very slow."""
    flags = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""  # noqa: PTH110
    has_bfloat16 = "avx512_bf16" in flags or "amx_bf16" in flags
    return torch.autocast("cpu", torch.bfloat16) if has_bfloat16 else nullcontext()


def _resume(path: Path, recipe: Recipe, parts: dict[str, object]) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if Recipe(**state["recipe"]) != recipe:
        raise ValueError(f"{path} is of another recipe: {state['recipe']}")
    for name, part in parts.items():
        part.load_state_dict(state[name])  # type: ignore[attr-defined]
    return int(state["step"])


def _save(
    directory: Path, recipe: Recipe, step: int, parts: dict[str, object], loss: float
) -> None:
    state = {name: part.state_dict() for name, part in parts.items()}  # type: ignore[attr-defined]
    partial = directory / "checkpoint.partial"
    torch.save({**state, "recipe": asdict(recipe), "step": step}, partial)
    partial.replace(directory / "checkpoint.pt")
    with (directory / "log.jsonl").open("a") as log:
        log.write(json.dumps({"step": step, "loss": round(loss, 4)}) + "\n")
