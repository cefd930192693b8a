"""The command line: `sersiclab demo`, `sersiclab fit`, `sersiclab many`, `sersiclab lab`."""

import argparse
import json
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from sersiclab.cli.parser import parser
from sersiclab.cli.signals import stopping
from sersiclab.runtime.errors import SersiclabError


OK, INTERNAL, MISTAKE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit status, which `sersiclab --help` explains."""
    given = list(sys.argv[1:] if argv is None else argv)
    if not given:
        sys.stderr.write(parser().format_help())
        return MISTAKE
    arguments = parser().parse_args(given)
    name = f"sersiclab {arguments.command}"

    def show(message: Warning | str, *where: Any) -> None:
        sys.stderr.write(f"{name}: warning: {message}\n")

    with warnings.catch_warnings(), stopping() as arguments.received:
        warnings.showwarning = show
        try:
            return _command(arguments.command)(arguments)
        except Exception as error:
            return _failed(name, error, arguments)
        except KeyboardInterrupt as interrupt:
            what = str(interrupt) or "before there was a result"
            sys.stderr.write(f"\n{name}: interrupted by {arguments.received.name} {what}\n")
            return arguments.received.status


def _command(name: str) -> Callable[[argparse.Namespace], int]:
    """Return the function of a command. Only the module that it needs is imported."""
    if name == "lab":
        from sersiclab.cli.lab import lab

        return lab
    if name == "many":
        from sersiclab.cli.cataloguing import many

        return many
    from sersiclab.cli import fitting

    return {"demo": fitting.demo, "fit": fitting.fit}[name]


def _failed(name: str, error: Exception, arguments: argparse.Namespace) -> int:
    """Report an error, which is a bug unless it was raised on purpose or concerns files or memory."""
    meant = isinstance(error, SersiclabError | OSError | MemoryError)
    if arguments.debug or not meant:
        sys.stderr.write("".join(traceback.format_exception(error)))
    text = str(error) if meant else f"internal error: {type(error).__name__}: {error}"
    sys.stderr.write(f"{name}: {text}\n")
    if not meant:
        sys.stderr.write("This is a bug in sersiclab: please report it, with the lines above.\n")
    if getattr(arguments, "json", False):
        sys.stdout.write(json.dumps({"error": text}) + "\n")
    return MISTAKE if meant else INTERNAL
