"""Everything ``sandbox`` raises on purpose.

SandboxError
├── StartError          a service did not start, or ended by itself
├── MissingToolError    a program that has to be installed is not there
└── StepError           one step of the walk through the demo failed
"""


class SandboxError(Exception):
    """Base class. The message is for the person at the terminal."""


class StartError(SandboxError):
    """A service did not start. The message holds the last lines of its log."""


class MissingToolError(SandboxError):
    """A program is missing. The message says how to install it."""


class StepError(SandboxError):
    """A step of the walk failed. The message names the step."""
