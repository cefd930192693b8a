"""The command line: `sersiclab demo`, `sersiclab fit`, `sersiclab lab`."""

import json
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from sersiclab.cli.arguments import parser
from sersiclab.cli.signals import stopping


OK, MISTAKE = 0, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, which `sersiclab --help` explains."""
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
            return arguments.run(arguments)
        except (ValueError, TypeError, OSError) as error:
            sys.stderr.write(f"{name}: {error}\n")
            if getattr(arguments, "json", False):
                sys.stdout.write(json.dumps({"error": str(error)}) + "\n")
            return MISTAKE
        except KeyboardInterrupt as interrupt:
            what = str(interrupt) or "before there was a result"
            sys.stderr.write(f"\n{name}: interrupted by {arguments.received.name} {what}\n")
            return arguments.received.status
