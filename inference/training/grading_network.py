"""The network of the grading: MobileNetV2 on level-aligned crops.

Its first stages are those of the served segmentation, frozen: nine hundred discs are
too few to learn to see from. What they see is averaged over the parts of the disc, the
bone and the canal beside it, and a small head answers all questions at once. So only
the head is trained, on features that are computed once for each variant of a crop.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import tqdm

from inference.grading.crops import CENTER, CROP
from inference.grading.model import CUTS, QUESTIONS
from inference.results import FindingKind
from inference.segmentation.network import MobileNetV2
from inference.segmentation.reference_engine import load_reference_model
from inference.training.weights import graph_content

#: Variants of each crop, made once, so that the frozen stages see each one once.
VARIANTS: Final = 10
EPOCHS: Final = 25
BATCH: Final = 32
PEAK_RATE: Final = 1e-3
WEIGHT_DECAY: Final = 0.05
HIDDEN: Final = 128
DROPOUT: Final = 0.5
DECAY: Final = 0.98  # of the averaged weights that are served
GRADES_ON_T1: Final = 0.3  # weight of the grade's loss: T1 shows no water
FINDINGS: Final = 0.6  # weight of the findings' loss
FLIPPED: Final = 0.25  # part of the crops turned upside down
#: How far parts of a crop reach from its middle, in pixels. Our choice: bone as deep as
#: a Modic change, canal behind the disc, the disc's front and back.
BONE: Final = 10
BEHIND: Final = 10
NUCLEUS: Final = (-8, 9)
STRIDES: Final = (4, 8)
CHANNELS: Final = (24, 32)  # of MobileNetV2 at these strides
PARTS: Final = 9
POOLED: Final = PARTS * (sum(CHANNELS) + 1)


class FrozenStages(nn.Module):
    """Crops to what the served segmentation sees in each part of them."""

    def __init__(self, encoder: MobileNetV2) -> None:
        super().__init__()
        self.low = encoder.low_level
        self.high = encoder.high_level[0]
        self.requires_grad_(requires_grad=False).eval()

    def forward(self, crops: Tensor) -> Tensor:
        """Map ``(n, 5, rows, columns)`` to ``(n, POOLED + 1)``."""
        parts = _parts(crops)
        low = self.low(crops[:, :1])
        seen = []
        for features, stride in zip((low, self.high(low)), STRIDES, strict=True):
            weights = functional.avg_pool2d(parts, stride).flatten(2) + 1e-5
            areas = weights.mean(dim=2)
            weights = weights / weights.sum(dim=2, keepdim=True)
            seen.append(weights @ features.flatten(2).transpose(1, 2))
        is_t1 = crops[:, 4:].mean((2, 3))
        return torch.cat([*(item.flatten(1) for item in seen), areas, is_t1], dim=1)


class Head(nn.Module):
    """Answers to all questions; the cuts share one score, so their order is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(POOLED + 1, affine=False)
        self.hidden = nn.Linear(POOLED + 1, HIDDEN)
        self.drop = nn.Dropout(DROPOUT)
        self.score = nn.Linear(HIDDEN, 1)
        self.cuts = nn.Parameter(torch.linspace(1.5, -1.5, len(CUTS)))
        self.findings = nn.Linear(HIDDEN, len(FindingKind))

    def forward(self, seen: Tensor) -> Tensor:
        """Map ``(n, POOLED + 1)`` to log odds ``(n, len(QUESTIONS))``."""
        normed = self.norm(seen).clamp(-5, 5)
        hidden = self.drop(functional.relu(self.hidden(self.drop(normed))))
        return torch.cat([self.score(hidden) + self.cuts, self.findings(hidden)], dim=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What the frozen stages see of every variant of every crop.

    Attributes:
        features: Shape ``(variants, crops, POOLED + 1)``; the first variant is plain.
        answers: Shape ``(variants, crops, questions)``, turned over where a crop is.
        weights: Of each answer in the loss.

    """

    features: Tensor
    answers: Tensor
    weights: Tensor


def frozen_stages(directory: Path | None = None) -> FrozenStages:
    """Return the first stages of the served segmentation.

    Raises:
        TypeError: It has another encoder.

    """
    model = load_reference_model(*([directory] if directory else []))
    encoder = model.network.encoder
    if not isinstance(encoder, MobileNetV2):
        raise TypeError("the served segmentation has no MobileNetV2")
    return FrozenStages(encoder)


@torch.inference_mode()
def look(
    stages: FrozenStages,
    images: NDArray[np.float16],
    answers: NDArray[np.bool_],
    *,
    seed: int = 0,
    variants: int = VARIANTS,
) -> Seen:
    """Let the frozen stages see each crop in several variants.

    Args:
        stages: Of the served segmentation.
        images: As ``crops.network_input`` makes them.
        answers: To ``grading.model.QUESTIONS``.
        seed: Of the variants.
        variants: How many; the first is the crop itself.

    """
    rng = np.random.default_rng(seed)
    told = torch.from_numpy(answers.astype(np.float32))
    kept: list[tuple[Tensor, Tensor, Tensor]] = []
    for number in tqdm(range(variants), mininterval=5):
        for first in range(0, len(images), BATCH):
            crops = torch.from_numpy(images[first : first + BATCH].astype(np.float32))
            said = told[first : first + BATCH].clone()
            weights = torch.ones_like(said)
            weights[:, len(CUTS) :] = FINDINGS
            weights[crops[:, 4, 0, 0] > 0, : len(CUTS)] = GRADES_ON_T1
            if number:
                crops, said, weights = varied(crops, said, weights, rng)
            kept.append((stages(crops), said, weights))
    features, said, weights = (
        torch.cat(item).reshape(variants, len(images), -1)
        for item in zip(*kept, strict=True)
    )
    return Seen(features=features, answers=said, weights=weights)


def varied(
    crops: Tensor, answers: Tensor, weights: Tensor, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Turn, stretch, shift, flip and change the contrast of crops."""
    count = len(crops)
    crops, answers, weights = crops.clone(), answers.clone(), weights.clone()
    flipped = torch.from_numpy(rng.random(count) < FLIPPED)
    crops[flipped] = crops[flipped].flip(2)
    upper, lower, slip = (
        QUESTIONS.index(kind)
        for kind in (
            FindingKind.UPPER_ENDPLATE,
            FindingKind.LOWER_ENDPLATE,
            FindingKind.SPONDYLOLISTHESIS,
        )
    )
    order = list(range(len(QUESTIONS)))
    order[upper], order[lower] = lower, upper
    answers[flipped] = answers[flipped][:, order]
    weights[flipped, slip] = 0  # upside down a slip is another one

    angle = _normal(rng, count, math.radians(5))
    across, down = (torch.exp(_normal(rng, count, 0.07)) for _ in range(2))
    ratio = CROP[0] / CROP[1]
    grid = torch.zeros(count, 2, 3)
    grid[:, 0, 0], grid[:, 0, 1] = across * angle.cos(), -down * angle.sin() * ratio
    grid[:, 1, 0], grid[:, 1, 1] = across * angle.sin() / ratio, down * angle.cos()
    grid[:, :, 2] = _normal(rng, (count, 2), 0.05)
    crops = functional.grid_sample(
        crops,
        functional.affine_grid(grid, list(crops.shape), align_corners=False),
        align_corners=False,
        padding_mode="border",
    )
    each = (count, 1, 1, 1)
    gamma = torch.exp(_normal(rng, each, 0.12))
    gain = torch.exp(_normal(rng, each, 0.08))
    noise = torch.from_numpy(rng.uniform(0, 0.05, each)).float()
    signal = crops[:, :1].clamp(min=1e-3) ** gamma * gain
    signal = signal + _normal(rng, tuple(signal.shape), 1.0) * noise
    return torch.cat([signal, crops[:, 1:]], dim=1), answers, weights


def fit(
    seen: Seen, discs: NDArray[np.intp], *, seed: int, epochs: int = EPOCHS
) -> Head:
    """Train a head on some of the discs; its averaged weights are returned."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head = Head().train()
    optimizer = torch.optim.AdamW(head.parameters(), weight_decay=WEIGHT_DECAY)
    steps = max(1, len(discs) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, PEAK_RATE, total_steps=epochs * steps, pct_start=0.2
    )
    averaged = AveragedModel(
        head, multi_avg_fn=get_ema_multi_avg_fn(DECAY), use_buffers=True
    )
    for _ in range(epochs):
        for batch in np.array_split(rng.permutation(discs), steps):
            chosen = torch.from_numpy(batch)
            which = torch.from_numpy(rng.integers(len(seen.features), size=len(batch)))
            losses = functional.binary_cross_entropy_with_logits(
                head(seen.features[which, chosen]),
                seen.answers[which, chosen],
                weight=seen.weights[which, chosen],
                reduction="sum",
            )
            optimizer.zero_grad()
            (losses / len(batch)).backward()
            nn.utils.clip_grad_norm_(head.parameters(), 5.0)
            optimizer.step()
            schedule.step()
            averaged.update_parameters(head)
    trained = Head()
    trained.load_state_dict(averaged.module.state_dict())
    return trained.eval()


@torch.inference_mode()
def answers_of(
    head: Callable[[Tensor], Tensor], seen: Seen, discs: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return log odds of some discs, shape ``(discs, questions)``."""
    odds = head(seen.features[0, torch.from_numpy(discs)])
    return odds.numpy().astype(np.float64)


def graph(stages: FrozenStages, head: Head) -> bytes:
    """Return both as one ONNX graph from ``crops`` to ``log_odds``."""
    program = torch.onnx.export(
        nn.Sequential(stages, head).eval(),
        (torch.zeros(2, 5, *CROP),),  # a batch of one would be taken for a constant
        dynamo=True,
        opset_version=18,
        input_names=["crops"],
        output_names=["log_odds"],
        dynamic_shapes=({0: torch.export.Dim("n")},),
        verbose=False,
    )
    if program is None:  # torch types it so; this call always returns a program
        raise TypeError("torch exported nothing")
    return graph_content(program.model_proto)


def _parts(crops: Tensor) -> Tensor:
    """Weights of the parts of crops, shape ``(n, PARTS, rows, columns)``."""
    vertebra, disc, canal = crops[:, 1], crops[:, 2], crops[:, 3]
    down = torch.arange(CROP[0])[:, None] - CENTER[0]
    back = torch.arange(CROP[1])[None, :] - CENTER[1]
    front, rear = (back < NUCLEUS[0]).float(), (back > NUCLEUS[1]).float()
    above, behind = (down < 0).float(), (down.abs() < BEHIND).float()
    beside = functional.max_pool2d(
        disc[:, None], (2 * BONE + 1, 1), stride=1, padding=(BONE, 0)
    )[:, 0]
    beside = beside * (1 - disc)
    between = (1 - vertebra - disc - canal).clamp(min=0)
    near = ((back > NUCLEUS[1] - 5) & (back < NUCLEUS[1] + 25)).float()
    return torch.stack(
        [
            disc * front,
            disc * (1 - front - rear),
            disc * rear,
            vertebra * beside * above,
            vertebra * beside * (1 - above),
            vertebra * above,
            vertebra * (1 - above),
            canal * behind,
            between * near * behind,
        ],
        dim=1,
    )


def _normal(
    rng: np.random.Generator, size: int | tuple[int, ...], deviation: float
) -> Tensor:
    return torch.from_numpy(rng.normal(0, deviation, size)).float()
