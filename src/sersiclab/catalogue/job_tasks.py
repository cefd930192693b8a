"""The tasks of a run: which jobs have no row yet, or are to be fitted again, and whether the others are the same."""

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from sersiclab.catalogue.chunks import JobTask
from sersiclab.catalogue.columns import DONE
from sersiclab.catalogue.image_identity import ImageIdentifier, image_difference
from sersiclab.catalogue.job import Job
from sersiclab.catalogue.recipe_identity import MODEL, model_json, recipe_identity, recipe_name
from sersiclab.catalogue.seeding import job_seed
from sersiclab.catalogue.stores import AbstractStore
from sersiclab.model import Model
from sersiclab.results.verdict.levels import others
from sersiclab.runtime.errors import InputError, InputKeyError, InputTypeError


# Different names of recipes that a run is compared by.
MOST_RECIPES = 100


@dataclasses.dataclass(frozen=True)
class KnownRows:
    """The rows that a folder holds already: the identities of their recipes and images by id, and their store.

    The images are those of rows with a fit: that of a row without may have been the reason.
    """

    recipes: Mapping[str, str]
    images: Mapping[str, str]
    store: AbstractStore

    @classmethod
    def of(cls, store: AbstractStore) -> "KnownRows":
        """Read the identities in a store. Only first versions belong to the run; later ones are refits."""
        names = ("id", "version", "recipe", "image", "status")
        columns = store.read(only=names)
        rows = list(zip(*(columns.arrays[name].tolist() for name in names), strict=True))
        recipes = {name: recipe for name, version, recipe, _, _ in rows if version == 1}
        return cls(recipes, {name: each for name, version, _, each, s in rows if version == 1 and s == DONE}, store)

    def check(self, job: Job, recipe: str, image: Callable[[], str]) -> None:
        """Raise `ValueError` if a job that has a row was fitted with another model, or to another image."""
        self._check_recipe(job, recipe)
        held = self.images.get(job.id)
        if held and (words := image_difference(held, image())):
            raise InputError(
                f"the folder holds job {job.id!r} with another image: {words}. Repeat the call as it was, or choose "
                "another folder"
            )

    def _check_recipe(self, job: Job, recipe: str) -> None:
        held = self.recipes[job.id]
        if held == recipe:
            return
        if isinstance(job.model, Model) and held.startswith(f"{MODEL}#"):
            old = self.store.read(only=("id", "version", "model")).arrays
            rows = zip(old["id"].tolist(), old["version"].tolist(), old["model"], strict=True)
            before = next(model for name, version, model in rows if (name, version) == (job.id, 1))
            words = first_difference(before, model_json(job.model))
        else:
            words = f"it was {held}, now it is {recipe}"
        raise InputError(
            f"the folder holds job {job.id!r} with another model: {words}. Repeat the call as it was, or choose "
            "another folder"
        )


def first_difference(old: str, new: str) -> str:
    """Return the first value in which two documents of models differ, in words."""
    before, after = (dict(_leaves(json.loads(text or "{}"), "")) for text in (old, new))
    for path in dict.fromkeys((*before, *after)):
        if before.get(path) != after.get(path):
            return f"{path} was {before.get(path, 'absent')}, now it is {after.get(path, 'absent')}"
    return "it has another part that no document can hold"


def _leaves(node: Any, path: str) -> Iterator[tuple[str, Any]]:
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else None
    if items is None:
        yield path, node
        return
    for key, value in items:
        yield from _leaves(value, f"{path}.{key}".removeprefix(".").removeprefix("components."))


class Survey(NamedTuple):
    """The names of the recipes of all jobs, None if they are not known, and how many jobs have rows already."""

    recipes: tuple[str, ...] | None
    done: int


def survey(jobs: Iterable[Job], known: KnownRows) -> Survey:
    """Check all jobs before any is fitted, if they can be read several times."""
    if isinstance(jobs, Iterator):
        return Survey(None, 0)
    names: dict[str, None] = {}
    identify, identify_image, done = Identifier(), ImageIdentifier(), 0
    for job in unique(jobs):
        if len(names) <= MOST_RECIPES:
            names[identify.name(job)] = None
        if job.id in known.recipes:
            known.check(job, identify(job), partial(identify_image, job))
            done += 1
    return Survey(tuple(sorted(names)) if len(names) <= MOST_RECIPES else None, done)


def unique(jobs: Iterable[Any]) -> Iterator[Job]:
    """Yield the jobs. Raises `TypeError` for anything else than a job, and `ValueError` for an id that is repeated."""
    seen: set[str] = set()
    for place, job in enumerate(jobs):
        if not isinstance(job, Job):
            raise InputTypeError(f"jobs must hold Job objects, got {type(job).__name__} at position {place}")
        if job.id in seen:
            raise InputError(f"two jobs have the id {job.id!r}: ids must be unique in a catalogue")
        seen.add(job.id)
        yield job


class Identifier:
    """Identifies recipes. Jobs that follow each other often share theirs, which is then examined once."""

    def __init__(self) -> None:
        self._identity: tuple[Any, str] = (None, "")
        self._name: tuple[Any, str] = (None, "")

    def __call__(self, job: Job) -> str:
        """Return the identity of the job's recipe."""
        if self._identity[0] is not job.model:
            self._identity = job.model, recipe_identity(job.model)
        return self._identity[1]

    def name(self, job: Job) -> str:
        """Return the name of the job's recipe."""
        if self._name[0] is not job.model:
            self._name = job.model, recipe_name(job.model)
        return self._name[1]


def first_tasks(jobs: Iterable[Job], seed: int, known: KnownRows) -> Iterator[JobTask]:
    """Yield the jobs that have no row yet, each with its seed; check the others, unless `survey` has."""
    identify, identify_image = Identifier(), ImageIdentifier()
    for job in unique(jobs):
        if job.id not in known.recipes:
            yield JobTask(job, identify(job), identify_image(job), job_seed(seed, job.id))
        elif isinstance(jobs, Iterator):
            known.check(job, identify(job), partial(identify_image, job))


def repeated_tasks(
    jobs: Iterable[Job], versions: Mapping[str, int], images: Mapping[str, str], seed: int
) -> list[JobTask]:
    """Return the tasks of refits, whose rows have these versions, by id.

    Raises `KeyError` if a job is missing, and `ValueError` if one has another image than the identity in `images`.
    """
    identify, found = ImageIdentifier(), []
    for job in unique(jobs):
        if job.id in versions:
            image, version = identify(job), versions[job.id]
            if words := image_difference(images.get(job.id, ""), image):
                raise InputError(f"job {job.id!r} has another image than its row: {words}. Fit it in another run")
            found.append(JobTask(job, recipe_identity(job.model), image, job_seed(seed, job.id, version), version))
    if missing := versions.keys() - {task.job.id for task in found}:
        raise InputKeyError(f"no job has the id {min(missing)!r}{others(len(missing))}")
    return found
