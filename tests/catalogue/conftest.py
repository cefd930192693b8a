"""Jobs that take no time, in a module that other processes can import too."""

import sys
from pathlib import Path


sys.path.insert(0, str(Path(__file__).parent))
