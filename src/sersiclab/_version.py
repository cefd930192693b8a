"""The one place where the version is written; Python, the wheel and the bundle read it."""

__version__ = "0.1.0"
