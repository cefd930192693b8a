"""What an editor shows: one image, or several with one of them on the screen.

The editor itself works on one image. A subject has that image, its masks and its pictures, and reads from the session
both the image's model and the model that is fitted.
"""

import abc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sersiclab.data.image import Image
from sersiclab.data.image_set import Images
from sersiclab.model import Model
from sersiclab.results import Fit
from sersiclab.results.joint import JointFit
from sersiclab.runtime.errors import InputError
from sersiclab.widget import saved_images
from sersiclab.widget.frame_messages import AnyFrames, frames_of
from sersiclab.widget.incoming import short
from sersiclab.widget.joint_edits import ImageView, image_view, restarted
from sersiclab.widget.joint_session import opened, read_in, view_of
from sersiclab.widget.masks import Masks
from sersiclab.widget.saved import Saved, from_text, to_document
from sersiclab.widget.session import Reading, Session, Shown, allowed, from_model, problem, read, with_values


class AbstractSubject(abc.ABC):
    """Base class of what an editor shows."""

    names: tuple[str, ...]
    name: str

    @property
    @abc.abstractmethod
    def masks(self) -> Masks:
        """The masks of the image on the screen."""

    @property
    @abc.abstractmethod
    def frames(self) -> AnyFrames:
        """The pictures of the image on the screen."""

    @abc.abstractmethod
    def shown(self, model: Model) -> Shown:
        """Return what the pictures of a model show, with all components switched on."""

    def opened(self, model: Model, session: Session) -> tuple[Session, Shown]:
        """Return the session of a model, with the masks of an earlier one, and what its pictures show."""
        return self.open(model, session), self.shown(model)

    @abc.abstractmethod
    def open(self, model: Model, session: Session | None = None) -> Session:
        """Return the session of a model; masks are those of an earlier session."""

    @abc.abstractmethod
    def at(self, name: str, session: Session, whole: Model) -> Session:
        """Return the session with another image on the screen. Raises `ValueError` for an unknown one."""

    @abc.abstractmethod
    def need_one_image(self, action: str) -> None:
        """Raise `ValueError` if there are several images."""

    @abc.abstractmethod
    def read(self, session: Session, types: Sequence[type]) -> Reading:
        """Read a session; errors are listed in `problems`."""

    @abc.abstractmethod
    def turn_to(self, session: Session) -> None:
        """Put the image that a session names on the screen."""

    @abc.abstractmethod
    def with_best(self, session: Session, shown: Shown, best: Mapping[str, float]) -> Session:
        """Return the session with the best values of a fit where its priors allow them."""

    @abc.abstractmethod
    def with_masks(self, session: Session, fit: Any) -> Session:
        """Return the session with a fit's masks of the images that are not on the screen."""

    @abc.abstractmethod
    def data(self, session: Session, image: Image) -> Any:
        """Return what is fitted; `image` is that on the screen, with its mask."""

    @abc.abstractmethod
    def document(self, session: Session, display: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document that saves a session."""

    @abc.abstractmethod
    def saved(self, text: bytes, types: Sequence[type]) -> Saved:
        """Read a saved session. Raises `ValueError` if it is none of these data."""

    @abc.abstractmethod
    def own_fit(self, fit: Any) -> Fit:
        """Return the fit of the image on the screen."""

    @abc.abstractmethod
    def on_screen(self, fit: Any) -> tuple[Fit, Sequence[str]]:
        """Return the fit of the image on the screen, and the paths of joint parameters whose numbers hold there too."""


class OneImage(AbstractSubject):
    """One image."""

    names = ()
    name = ""

    def __init__(self, image: Image) -> None:
        self._masks, self._frames = Masks(image), frames_of(image)

    @property
    def masks(self) -> Masks:
        return self._masks

    @property
    def frames(self) -> AnyFrames:
        return self._frames

    def open(self, model: Model, session: Session | None = None) -> Session:
        kept = {} if session is None else {key: session[key] for key in ("mask",) if key in session}
        return {**from_model(model), **kept}

    def shown(self, model: Model) -> Shown:
        return Shown(model, model, tuple(model.components), model, model)

    def at(self, name: str, session: Session, whole: Model) -> Session:
        raise InputError(f"there is no image {short(name)}: there is one, which is shown")

    def need_one_image(self, action: str) -> None:
        pass

    def read(self, session: Session, types: Sequence[type]) -> Reading:
        return read(session, types)

    def turn_to(self, session: Session) -> None:
        pass

    def with_best(self, session: Session, shown: Shown, best: Mapping[str, float]) -> Session:
        return with_values(session, allowed(shown.model, best))

    def with_masks(self, session: Session, fit: Fit) -> Session:
        return session

    def data(self, session: Session, image: Image) -> Image:
        return image

    def document(self, session: Session, display: Mapping[str, Any]) -> dict[str, Any]:
        name = session.get("mask")
        mask = None if name is None else self.masks.bits(name)
        return to_document(Saved(session, mask, dict(display)), self.masks.given.shape)

    def saved(self, text: bytes, types: Sequence[type]) -> Saved:
        return from_text(text, self.masks, types)

    def own_fit(self, fit: Fit) -> Fit:
        return fit

    def on_screen(self, fit: Fit) -> tuple[Fit, Sequence[str]]:
        return fit, ()


class SeveralImages(AbstractSubject):
    """Several images, one of them on the screen."""

    def __init__(self, images: Images) -> None:
        unused = [name for name in images if name not in images.used]
        self.images = images.without(*unused) if unused else images
        self.names = tuple(self.images)
        self.name = self.names[0]
        self._all_masks = {name: Masks(image) for name, image in self.images.items()}
        self._all_frames: dict[str, AnyFrames] = {}
        self._view: tuple[Any, ImageView] | None = None

    @property
    def masks(self) -> Masks:
        return self._all_masks[self.name]

    @property
    def frames(self) -> AnyFrames:
        if self.name not in self._all_frames:
            self._all_frames[self.name] = frames_of(self.images[self.name])
        return self._all_frames[self.name]

    def open(self, model: Model, session: Session | None = None) -> Session:
        view = image_view(model.for_images(self.images), self.images, self.name)
        kept = {} if session is None else {key: session[key] for key in ("mask", "masks") if key in session}
        return {**opened(view), **kept}

    def shown(self, model: Model) -> Shown:
        whole = model.for_images(self.images)
        own = image_view(whole, self.images, self.name).own
        return Shown(own, own, tuple(own.components), whole, whole)

    def need_one_image(self, action: str) -> None:
        raise InputError(f"{action} works on one image; here there are {len(self.names)}")

    def at(self, name: str, session: Session, whole: Model) -> Session:
        """Return the session with another image on the screen."""
        if name not in self.names:
            raise InputError(f"there is no image {short(name)}; the images are {', '.join(self.names)}")
        masks = dict(session.get("masks", {}))
        if "mask" in session:
            masks[session["image"]] = session["mask"]
        mask = {"mask": masks.pop(name)} if name in masks else {}
        kept = {key: session[key] for key in ("off", "order") if key in session}
        view = image_view(whole, self.images, name)
        return {**opened(view), **kept, **mask, **({"masks": masks} if masks else {})}

    def read(self, session: Session, types: Sequence[type]) -> Reading:
        key = session.get("image"), session.get("joint")
        try:
            if self._view is None or self._view[0] != key:
                self._view = key, view_of(session, self.images, types)
        except InputError as error:
            return Reading(None, None, (), [problem("", str(error))])
        return read_in(self._view[1], session, types)

    def turn_to(self, session: Session) -> None:
        if session.get("image") in self.names:
            self.name = session["image"]

    def with_best(self, session: Session, shown: Shown, best: Mapping[str, float]) -> Session:
        kept = {key: session[key] for key in ("off", "order") if key in session}
        return {**self.open(restarted(shown.whole, best), session), **kept}

    def with_masks(self, session: Session, fit: JointFit) -> Session:
        names = {}
        for name, masks in self._all_masks.items():
            mask = fit.images[name].mask
            if name != self.name and not np.array_equal(mask, masks.given.mask):
                names[name] = masks.add(mask)
        others = {key: value for key, value in session.items() if key != "masks"}
        return {**others, "masks": names} if names else others

    def data(self, session: Session, image: Image) -> Images:
        edited = {
            name: self._all_masks[name].image(mask)
            for name, mask in session.get("masks", {}).items()
            if name in self.names
        }
        images = self.images
        for name, each in {**edited, self.name: image}.items():
            images = images.with_image(name, each)
        return images

    def document(self, session: Session, display: Mapping[str, Any]) -> dict[str, Any]:
        return saved_images.to_document(session, self._all_masks, display)

    def saved(self, text: bytes, types: Sequence[type]) -> Saved:
        session, masks, display = saved_images.from_text(text, self._all_masks)
        reading = self.read(session, types)
        saved_images.check_reading(reading)
        assert reading.whole is not None
        opened = self.at(session["image"], session, reading.whole)
        own = masks.pop(session["image"], None)
        names = {name: self._all_masks[name].add_bits(bits) for name, bits in masks.items()}
        return Saved({**opened, **({"masks": names} if names else {})}, own, display)

    def own_fit(self, fit: JointFit) -> Fit:
        return fit.of(self.name)

    def on_screen(self, fit: JointFit) -> tuple[Fit, Sequence[str]]:
        view = image_view(fit.model, fit.images, self.name)
        return self.own_fit(fit), tuple(view.nodes) if view.frame is None else ()


def subject_of(image: Image | Images) -> AbstractSubject:
    """Return what an editor of an image, or of several, shows."""
    return SeveralImages(image) if isinstance(image, Images) else OneImage(image)
