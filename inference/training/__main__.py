"""Train a model: ``python -m inference.training segmentation --encoder resnet18``."""

import argparse
import sys
from pathlib import Path

from inference.network import ENCODERS
from inference.training.data import phantom_slices, spider_slices, split_by_patient
from inference.training.segmentation import Recipe, train

SPIDER = Path("../shared/data/spider/t2space")


def main(argv: list[str] | None = None) -> int:
    """Train, resuming what a kill has interrupted."""
    parser = argparse.ArgumentParser(prog="inference.training", description=__doc__)
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("segmentation", help="DeepLabV3+ on SPIDER T2 SPACE")
    command.add_argument("--encoder", choices=ENCODERS, default=Recipe.encoder)
    command.add_argument("--steps", type=int, default=Recipe.steps)
    command.add_argument("--phantoms", type=int, default=40, help="number to draw")
    command.add_argument("--data", type=Path, default=SPIDER)
    command.add_argument("--out", type=Path, default=Path("runs/segmentation"))
    options = parser.parse_args(argv)
    recipe = Recipe(encoder=options.encoder, steps=options.steps)
    patients, _ = split_by_patient(spider_slices(options.data))
    phantoms = phantom_slices(options.phantoms, seed=recipe.seed)
    train(recipe, patients=patients, phantoms=phantoms, directory=options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
