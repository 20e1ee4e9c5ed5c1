"""Analyze lumbar MRI from files: ``python -m inference analyze PATH... --out DIR``.

Every study below the paths (folders, zip files, DICOM files) gets a folder in DIR. The
chart is not known here, so nothing is suggested.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from inference.errors import ModelError
from inference.outputs.report_json import schema_json
from inference.results import MAX_LEVEL_SHIFT, CaseReport, Stage
from inference.studies.search import Found, find_studies

if TYPE_CHECKING:
    from inference.studies.one_study import Outcome

#: Exit status: all was analyzed; something was refused; nothing could be done.
DONE, REFUSED, FAILED = 0, 1, 2


def main(argv: list[str] | None = None) -> int:
    """Print results on stdout, progress and refusals on stderr."""
    parser = argparse.ArgumentParser(prog="inference", description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    command = commands.add_parser("analyze", help="analyze studies, write their files")
    command.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.add_argument("--jobs", type=_count, default=1, help="studies at a time")
    command.add_argument(
        "--level-shift",
        type=int,
        default=0,
        choices=range(-MAX_LEVEL_SHIFT, MAX_LEVEL_SHIFT + 1),
        help="move all names: with 1 the proposed L5 becomes L4",
    )
    command.add_argument(
        "--radiomics", action="store_true", help="write radiomic features too"
    )
    commands.add_parser("schema", help="print the JSON Schema of report.json")
    command = commands.add_parser(
        "reproduce", help="measure the committed models again, compare with their cards"
    )
    command.add_argument("--data", type=Path, help="folder of SPIDER")
    command.add_argument(
        "--quick", action="store_true", help="measure small parts: seconds, not minutes"
    )
    arguments = parser.parse_args(argv)
    if arguments.command == "schema":
        print(schema_json(), end="")
        return DONE
    if arguments.command == "reproduce":
        return _reproduce(arguments)
    return _analyze(arguments)


def _reproduce(arguments: argparse.Namespace) -> int:
    from inference.training import reproduce  # noqa: PLC0415  loads all engines

    data = arguments.data or reproduce.SPIDER
    states = set()
    try:
        for check in reproduce.reproduce(data, is_sample=arguments.quick):
            states.add(check.state)
            print(
                f"{check.state}\t{check.what}", *check.reasons, sep="\n\t", flush=True
            )
    except ModelError as error:
        print(f"{error}\n{error.advice}", file=sys.stderr)
        return FAILED
    return REFUSED if reproduce.State.DIFFERS in states else DONE


def _analyze(arguments: argparse.Namespace) -> int:
    found = find_studies(arguments.paths)
    for line in _not_read(found):
        print(line, file=sys.stderr)
    if not found.studies:
        print("no DICOM study found", file=sys.stderr)
        return FAILED
    # Here, because the engines behind it take seconds to load.
    from inference.studies.batch import analyze_studies  # noqa: PLC0415
    from inference.studies.one_study import State, Wishes  # noqa: PLC0415

    wishes = Wishes(level_shift=arguments.level_shift, radiomics=arguments.radiomics)
    counts = dict.fromkeys(State, 0)
    parts: dict[str, float] = {}
    studies = list(found.studies.values())
    with tqdm(total=len(studies), unit="study", leave=False, disable=None) as bar:

        def told(study_uid: str, stage: Stage, part: float) -> None:
            parts[study_uid] = (list(Stage).index(stage) + part) / (len(Stage) + 1)
            bar.set_description(stage, refresh=False)
            bar.n = round(sum(parts.values()), 2)
            bar.refresh()

        try:
            for outcome in analyze_studies(
                studies,
                arguments.out,
                jobs=arguments.jobs,
                told=told,
                wishes=wishes,
            ):
                parts[outcome.study_uid] = 1
                counts[outcome.state] += 1
                bar.clear()
                _print(outcome)
        except ModelError as error:
            print(f"{error}\n{error.advice}", file=sys.stderr)
            return FAILED
    summary = ", ".join(f"{count} {state}" for state, count in counts.items())
    print(f"{len(studies)} studies: {summary}", file=sys.stderr)
    return REFUSED if counts[State.REFUSED] or found.unreadable else DONE


def _not_read(found: Found) -> Iterator[str]:
    if found.others:
        yield f"not DICOM: {found.others} files"
    for reason, count in found.unreadable.items():
        yield f"not read: {count} times: {reason}"


def _print(outcome: "Outcome") -> None:
    print(f"{outcome.study_uid}\t{outcome.state}\t{outcome.folder}")
    if outcome.report:
        for line in _lines(outcome.report):
            print(line)
    if outcome.refusal:
        refusal = outcome.refusal
        print(
            f"{outcome.study_uid}: {refusal.message}\n{refusal.advice}", file=sys.stderr
        )


def _lines(report: CaseReport) -> Iterator[str]:
    grades = {grading.level: grading.pfirrmann for grading in report.gradings}
    yield "level\theight mm\twidth mm\tcanal mm\tsignal/CSF\tPfirrmann"
    for item in report.levels:
        values = (
            item.disc_height_mm,
            item.disc_width_mm,
            item.canal_diameter_mm,
            item.disc_signal_ratio,
        )
        cells = ["-" if value is None else f"{value:.1f}" for value in values[:3]]
        cells.append("-" if values[3] is None else f"{values[3]:.2f}")
        yield "\t".join([item.level, *cells, str(grades.get(item.level, "-"))])
    yield from report.warnings


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count} is less than 1")
    return count


if __name__ == "__main__":
    sys.exit(main())
