"""Injection and recovery: whether the errors of fits are right on this data."""

from sersiclab.recovery.recovery import Recovery as Recovery
