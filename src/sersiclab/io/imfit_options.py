"""The options of imfit's command: those that are honoured, and the reasons why others are not.

The command is in a comment of the best-fit files that imfit writes. The options are those of imfit 1.9 and
imfit-mcmc (Erwin 2015, ApJ 799, 226; arXiv:1408.1097, and the programs' own help).
"""

import dataclasses
import re
from collections.abc import Mapping, Sequence


FIT = "the fit and its output"  # the subject of most options, which do not affect the model and the image


@dataclasses.dataclass(frozen=True)
class Option:
    """An option: its name, whether a value follows, and why it has no counterpart, or "" if it is honoured."""

    name: str
    takes_value: bool = False
    lacking: str = ""


OVERSAMPLED = "the PSF has one sampling in the whole image here"
_HONOURED = (
    *(Option(name, takes_value=True) for name in ("config", "noise", "mask", "psf")),
    *(Option(name, takes_value=True) for name in ("gain", "readnoise", "sky", "exptime", "ncombined")),
    *(Option(name) for name in ("errors-are-variances", "errors-are-weights", "mask-zero-is-bad")),
    *(Option(name) for name in ("cashstat", "poisson-mlr", "mlr")),
)
_LACKING = (
    Option("model-errors", lacking="sigma comes from the data here, not from the model"),
    *(Option(name, takes_value=True, lacking=OVERSAMPLED) for name in ("overpsf", "overpsf_scale", "overpsf_region")),
    *(Option(name, lacking="light is integrated over pixels here") for name in ("nosubsampling", "no-subsampling")),
    Option("no-normalize", lacking="the PSF is normalised here"),
)
_FIT_FLAGS = """help version list-functions list-parameters sample-config printimage chisquare-only fitstat-only
    nm de de-lhs quiet silent loud logging append"""
_FIT_VALUES = """save-params save-model save-residual save-weights ftol nlopt bootstrap save-bootstrap max-threads seed
    output nchains max-chain-length burnin-length gelman-evals gelman-rubin-limit uniform-offset gaussian-offset"""
OPTIONS: tuple[Option, ...] = (
    *_HONOURED,
    *_LACKING,
    *(Option(name, lacking=FIT) for name in _FIT_FLAGS.split()),
    *(Option(name, takes_value=True, lacking=FIT) for name in _FIT_VALUES.split()),
)
SHORT: Mapping[str, str] = {"c": "config", "o": "output", "h": "help", "v": "version"}


@dataclasses.dataclass(frozen=True)
class Command:
    """imfit's command: the image's name, and the options with their values; "" for an option without a value."""

    image: str | None
    options: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def has(self, *names: str) -> str | None:
        """Return the first of these options that is given, or None."""
        return next((name for name in names if name in self.options), None)


def parse_command(words: Sequence[str]) -> Command:
    """Return the command in these words, without the program's name. Options without a counterpart are noted."""
    known = {option.name: option for option in OPTIONS}
    left, image = list(words), None
    options: dict[str, str] = {}
    lacking: dict[str, list[str]] = {}
    while left:
        word = left.pop(0)
        match = re.fullmatch(r"--?([A-Za-z][\w-]*)(?:=(.*))?", word)
        if match is None:
            image = image or word
            continue
        option = known.get(SHORT.get(match[1], match[1]))
        value = match[2] or ""
        follows = option.takes_value if option else _is_value(left, image)
        if match[2] is None and follows and left:
            value = left.pop(0)
        if option is None or option.lacking:
            written = f"--{option.name}" if option else word.partition("=")[0]
            shown = " ".join(part for part in (written, value) if part)
            lacking.setdefault(option.lacking if option else "unknown", []).append(shown)
        else:
            options[option.name] = value
    notes = [_note(why, found) for why, found in lacking.items()]
    if {"errors-are-variances", "errors-are-weights"} <= set(options):
        notes.append("--errors-are-variances: not used, since --errors-are-weights is given too, as in imfit")
    return Command(image, options, tuple(notes))


def _is_value(left: Sequence[str], image: str | None) -> bool:
    """Return whether the next word is the value of an unknown option, being neither an option nor the image."""
    return bool(left) and not left[0].startswith("-") and (image is not None or ".fit" not in left[0])


def _note(why: str, options: Sequence[str]) -> str:
    listed = ", ".join(options)
    if why == "unknown":
        return f"{listed}: left out (unknown)"
    return f"{listed}: left out (about {FIT})" if why == FIT else f"{listed}: left out, since {why}"
