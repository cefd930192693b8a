"""The errors that sersiclab raises on purpose.

Each is also the built-in error that Python users expect, so that `except ValueError` catches an `InputError`. A
built-in `ValueError`, `TypeError` or `RuntimeError` raised by sersiclab is therefore a bug: the command line
and the widget report it as one, with its traceback. Errors of the operating system (`OSError`, such as a missing file
or a full disk) are never bugs and are not converted.
"""


class SersiclabError(Exception):
    """Base class of the errors that sersiclab raises on purpose."""


class InputError(SersiclabError, ValueError):
    """An argument, a file or a document has an unsuitable value; also a `ValueError`."""


class InputTypeError(SersiclabError, TypeError):
    """An argument has an unsuitable type; also a `TypeError`."""


class InputKeyError(SersiclabError, KeyError):
    """Nothing has the name that was asked for; also a `KeyError`."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # a KeyError would show its message in quotation marks


class StateError(SersiclabError, RuntimeError):
    """The call is not possible now, for example while another run is under way; also a `RuntimeError`."""


class MissingPackageError(SersiclabError, ImportError):
    """An optional package is needed and not installed; also an `ImportError`."""
