"""`python -m sersiclab` is the command `sersiclab`."""

import sys

from sersiclab.cli import main


sys.exit(main())
