"""Train, export and check the models.

``segmentation`` trains DeepLabV3+, resuming what a kill has interrupted, and
``cross-validation`` one per fold; ``left-out-contrast`` tells what helps on a contrast
without masks; ``export`` writes a checkpoint as the served ONNX
file; ``evaluate`` measures it on patients never seen; ``levels`` checks the names of
the levels against landmarks; ``grading`` trains and cross-validates grades and findings
of the discs on its masks; ``severity`` compares the rule of the severity with a network
that is asked for it; ``quality`` fits refusals and confidences to it;
``treatment`` trains and compares models of the choice of treatment on a synthetic
cohort, or with ``--table`` one on a site's own patients; ``geometry`` measures phantoms
of known size by their true masks. What was measured is kept beside each model
(``X.metrics.json``) and shown with its results; ``cards`` then writes it into the model
cards.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference.grading.model import MANIFEST
from inference.manifest import TREATMENT_MANIFEST, WEIGHTS
from inference.segmentation import model as segmentation_model
from inference.segmentation.model import SegmentationModel, load_segmentation_model
from inference.segmentation.network import ENCODERS
from inference.segmentation.reference_engine import unreleased
from inference.training import (
    cards,
    grading,
    left_out_contrast,
    pseudo_labels,
    quality,
    reproduce,
    treatment,
    treatment_site,
)
from inference.training.cross_validation import cross_validate
from inference.training.data import (
    held_out_patients,
    phantom_slices,
    spider_slices,
    split_by_patient,
)
from inference.training.evaluation import evaluate, sentence, summary
from inference.training.export import export
from inference.training.metrics import keep
from inference.training.segmentation import Pools, Recipe, load_averaged, train
from inference.training.site_table import TableError, read_site_table
from inference.treatment.model import load_treatment_model

RUN = Path("runs/segmentation")
FOLDS_RUN = Path("runs/folds")
CONTRAST_RUN = Path("runs/left_out_contrast")

if TYPE_CHECKING:  # argparse gives what add_subparsers returns no public name
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001


def main(argv: list[str] | None = None) -> int:
    """Run one of the commands."""
    parser = argparse.ArgumentParser(
        prog="inference.training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data", type=Path, default=reproduce.SPIDER, help="folder of SPIDER"
    )
    commands = parser.add_subparsers(required=True, dest="command")

    _add_segmentation(commands)

    command = commands.add_parser("grading", help="train grades and findings")
    command.add_argument("--version", required=True)
    command.set_defaults(function=_grading)

    command = commands.add_parser("severity", help="by the rule and by a network")
    command.set_defaults(function=_severity)

    command = commands.add_parser("treatment", help="train on a synthetic cohort")
    command.add_argument("--version", required=True)
    command.add_argument("--patients", type=int, default=12000, help="to train on")
    command.add_argument("--compared", type=int, default=3000, help="to compare on")
    command.add_argument(
        "--table",
        type=Path,
        help="train on a site's own patients instead: a CSV file (of a FHIR bulk "
        "export, `python -m smart_app.treatment_table` makes it)",
    )
    command.add_argument(
        "--current", type=Path, default=WEIGHTS, help="folder of the model served now"
    )
    command.add_argument("--out", type=Path, help="folder of the site's own model")
    command.set_defaults(function=_treatment)

    command = commands.add_parser("levels", help="check the names of the levels")
    command.set_defaults(function=_measure)

    command = commands.add_parser("quality", help="fit refusals and confidences")
    command.add_argument("--version", required=True)
    command.add_argument(
        "--others",
        type=Path,
        help="folder with one folder of DICOM slices per series that is no lumbar "
        "spine: more to check the refusals on",
    )
    command.set_defaults(function=_quality)

    command = commands.add_parser("evaluate", help="measure the segmentation")
    command.add_argument("--run", type=Path, help="whose network; else the served one")
    command.set_defaults(function=_evaluate)

    command = commands.add_parser("geometry", help="measure phantoms of known size")
    command.set_defaults(function=_measure)

    command = commands.add_parser("cards", help="write what was measured into cards")
    command.set_defaults(function=_cards)

    options = parser.parse_args(argv)
    options.function(options)
    return 0


def _add_segmentation(commands: "Commands") -> None:
    """Add what makes the served network."""
    command = commands.add_parser("segmentation", help="train DeepLabV3+")
    command.add_argument("--encoder", choices=ENCODERS, default=Recipe.encoder)
    command.add_argument("--steps", type=int, default=Recipe.steps)
    command.add_argument("--phantoms", type=int, default=40, help="number to draw")
    command.add_argument("--peak-rate", type=float, default=Recipe.peak_rate)
    command.add_argument("--start", type=Path, help="run whose weights come first")
    command.add_argument("--pseudo", type=Path, help="folder of pseudo-labels")
    command.add_argument("--pseudo-share", type=float, default=0.4)
    command.add_argument("--run", type=Path, default=RUN)
    command.set_defaults(function=_segmentation)

    command = commands.add_parser("cross-validation", help="of the segmentation")
    command.add_argument("--encoder", choices=ENCODERS, default=Recipe.encoder)
    command.add_argument("--steps", type=int, default=400, help="of each network")
    command.add_argument("--folds", type=int, default=8)
    command.add_argument("--phantoms", type=int, default=40, help="number to draw")
    command.add_argument("--run", type=Path, default=FOLDS_RUN)
    command.set_defaults(function=_cross_validation)

    command = commands.add_parser("left-out-contrast", help="what helps on T1")
    command.add_argument("--steps", type=int, default=400, help="of each network")
    command.add_argument("--phantoms", type=int, default=40, help="number to draw")
    command.add_argument("--pseudo", type=Path, required=True, help="pseudo-labels")
    command.add_argument("--run", type=Path, default=CONTRAST_RUN)
    command.set_defaults(function=_left_out_contrast)

    command = commands.add_parser("pseudo-labels", help="label what has no masks")
    command.add_argument("--run", type=Path, help="whose network; else the served one")
    command.add_argument("--out", type=Path, required=True)
    command.set_defaults(function=_pseudo_labels)

    command = commands.add_parser("export", help="write the served ONNX file")
    command.add_argument("--run", type=Path, default=RUN)
    command.add_argument("--version", required=True)
    command.set_defaults(function=_export)


def _pools(options: argparse.Namespace, seed: int) -> Pools:
    """Read what may be trained on: nothing of a patient who is held out."""
    patients, _ = split_by_patient(spider_slices(options.data / "t2space"))
    phantoms = phantom_slices(options.phantoms, seed=seed)
    held_out = held_out_patients(options.data)
    pseudo = pseudo_labels.read(options.pseudo) if options.pseudo else []
    pseudo = [item for item in pseudo if item.patient not in held_out]
    return Pools(phantoms=phantoms, pseudo=pseudo, patients=patients)


def _segmentation(options: argparse.Namespace) -> None:
    recipe = Recipe(
        encoder=options.encoder,
        steps=options.steps,
        pseudo_share=options.pseudo_share if options.pseudo else 0.0,
        peak_rate=options.peak_rate,
    )
    pools = _pools(options, recipe.seed)
    train(recipe, pools, directory=options.run, start=options.start)


def _cross_validation(options: argparse.Namespace) -> None:
    recipe = Recipe(encoder=options.encoder, steps=options.steps)
    results = cross_validate(
        recipe,
        spider_slices(options.data / "t2space"),
        phantom_slices(options.phantoms, seed=recipe.seed),
        folds=options.folds,
        directory=options.run,
    )
    found = {"steps": recipe.steps, **summary(results)}
    keep(
        segmentation_model.MANIFEST,
        f"cross_validation_{options.folds}_{recipe.encoder}",
        found,
    )
    _print(found)


def _left_out_contrast(options: argparse.Namespace) -> None:
    never = held_out_patients(options.data)
    every = pseudo_labels.unlabeled_slices(options.data)
    asked = left_out_contrast.to_ask(
        [item for item in every if item.patient in never], load_segmentation_model()
    )
    found = left_out_contrast.compare(
        asked,
        _pools(options, Recipe.seed),
        steps=options.steps,
        directory=options.run,
    )
    keep(segmentation_model.MANIFEST, options.command.replace("-", "_"), found)
    _print(found)


def _pseudo_labels(options: argparse.Namespace) -> None:
    model = _model_of(options.run) if options.run else load_segmentation_model()
    slices = pseudo_labels.unlabeled_slices(options.data)
    labeled = pseudo_labels.pseudo_labels(slices, model)
    pseudo_labels.write(labeled, options.out)
    _print({"slices": len(slices), "labeled": len(labeled)})


def _model_of(run: Path) -> SegmentationModel:
    recipe, network = load_averaged(run)
    return unreleased(network, f"{recipe.encoder}, {run.name}")


def _export(options: argparse.Namespace) -> None:
    recipe, network = load_averaged(options.run)
    manifest = export(
        network,
        encoder=recipe.encoder,
        version=options.version,
        directory=WEIGHTS,
    )
    _print(manifest)


def _grading(options: argparse.Namespace) -> None:
    model = load_segmentation_model(threads=1)
    parts, results = grading.train_and_check(options.data, model, reproduce.GRADING_RUN)
    grading.write(
        parts,
        version=options.version,
        directory=WEIGHTS,
        quality=grading.sentence(results),
    )
    results |= reproduce.grades_sample(options.data)
    keep(MANIFEST, options.command, results)
    _print(results)


def _severity(options: argparse.Namespace) -> None:
    found = reproduce.measure(MANIFEST, options.command, options.data)
    keep(MANIFEST, options.command, found)
    _print(found)


def _treatment(options: argparse.Namespace) -> None:
    if options.table:
        _site_treatment(options)
        return
    found = treatment.train_and_check(
        version=options.version,
        directory=WEIGHTS,
        served=options.patients,
        compared=options.compared,
    )
    # the methods compared are no model that is served: they are only printed
    kept = {name: part for name, part in found.items() if "compared" not in name}
    keep(TREATMENT_MANIFEST, "treatment", kept)
    _print(found)


def _site_treatment(options: argparse.Namespace) -> None:
    if options.out is None:
        raise SystemExit("say by --out where the site's own model is to be written")
    current = load_treatment_model(options.current)
    try:
        table = read_site_table(options.table)
    except TableError as error:
        raise SystemExit(f"{options.table.name}:\n{error}") from error
    found = treatment_site.retrain(
        table, current, version=options.version, directory=options.out
    )
    _print(found)
    if found["refused"]:
        raise SystemExit(f"not enabled: {'; '.join(found['refused'])}")


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    found = reproduce.measure(
        segmentation_model.MANIFEST, options.command, options.data
    )
    keep(segmentation_model.MANIFEST, options.command, found)
    _print(found)
    return found


def _evaluate(options: argparse.Namespace) -> None:
    if options.run is None:
        _keep_quality(segmentation_model.MANIFEST, sentence(_measure(options)))
        return
    recipe, network = load_averaged(options.run)
    _, held_out = split_by_patient(spider_slices(options.data / "t2space"))
    results = evaluate(held_out, unreleased(network, options.run.name))
    found = {"steps": recipe.steps, **summary(results)}
    keep(segmentation_model.MANIFEST, f"evaluate_{recipe.encoder}", found)
    _print(found)


def _cards(_: argparse.Namespace) -> None:
    cards.write()


def _quality(options: argparse.Namespace) -> None:
    written, measured = quality.fit_and_check(
        options.data, load_segmentation_model(threads=1), more=options.others
    )
    quality.write(written, measured, version=options.version, directory=WEIGHTS)
    _print(measured)


def _keep_quality(manifest_name: str, sentence: str) -> None:
    """Write what was measured beside the model that it was measured on."""
    path = WEIGHTS / manifest_name
    manifest = json.loads(path.read_text()) | {"quality": sentence}
    path.write_text(json.dumps(manifest, indent=2) + "\n")


def _print(result: object) -> None:
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    sys.exit(main())
