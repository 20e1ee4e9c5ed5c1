"""Run the demo: ``python -m sandbox demo [--once] [--personality epic]``."""

import argparse
import signal
import sys
from types import FrameType

import requests

from sandbox import demo
from sandbox.errors import SandboxError


def main(argv: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="sandbox", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("demo", help="start everything and print one URL")
    once = "walk from launch to read-back without a browser, then stop"
    command.add_argument("--once", action="store_true", help=once)
    help_text = "the EHR behaves like open, epic, oracle, medplum or hostile"
    command.add_argument("--personality", default="open", help=help_text)
    arguments = parser.parse_args(argv)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        run = demo.walk_once if arguments.once else demo.show
        run(_say, arguments.personality)
    except KeyboardInterrupt:
        _say("Everything is stopped.")
        return 1 if arguments.once else 0
    except (SandboxError, requests.RequestException) as error:
        notes = getattr(error, "__notes__", ())
        print(f"FAILED  {error}", *notes, sep="\n", file=sys.stderr)
        return 1
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


def _stop(number: int, _frame: FrameType | None) -> None:
    """End the demo; further signals do not interrupt the stopping of the services."""
    for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
