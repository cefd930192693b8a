"""The peak memory of a process, for tests that start another one to measure it."""

import resource
import sys
from pathlib import Path


ROOT = Path(__file__).parents[1]  # where a process must start to import this module
STATUS = Path("/proc/self/status")


def peak_memory() -> int:
    """Return the most memory, in bytes, that this process has held.

    On Linux `ru_maxrss` begins with the memory of the process that started this one, which may be more.
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
