"""The seed of a job, which depends on nothing but the seed of the run, the job's id and the version of its row."""

import hashlib


def job_seed(seed: int, job: str, version: int = 1) -> int:
    """Return a whole number of 63 bits."""
    text = f"{seed}:{version}:{job}"
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
