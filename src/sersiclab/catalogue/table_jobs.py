"""Jobs from a table of positions and a mosaic: `sl.jobs`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from sersiclab.catalogue.job import Recipe
from sersiclab.data.psf_shape import Centre
from sersiclab.guess import What, guess
from sersiclab.model import Model


if TYPE_CHECKING:
    from sersiclab.catalogue.job_list import Jobs

T = TypeVar("T")
ByBand: TypeAlias = T | Mapping[str, T]


def jobs(
    table: Any,
    image: Any,
    *,
    sigma: Any = None,
    weight: Any = None,
    invvar: Any = None,
    psf: Any = None,
    mask: Any = None,
    segmentation: Any = None,
    size: Any = None,
    model: Model | Recipe | What = guess,
    neighbours: Literal["mask", "model", "ignore"] = "mask",
    id: str | None = None,
    x: str | None = None,
    y: str | None = None,
    ra: str | None = None,
    dec: str | None = None,
    label: str | Literal[False] | None = None,
    origin: Literal[0, 1] | None = None,
    psf_oversampling: ByBand[int] | None = None,
    psf_includes_pixel: ByBand[bool] | None = None,
    psf_centre: ByBand[Centre] | None = None,
    gain: ByBand[float] | None = None,
    read_noise: ByBand[float] = 0.0,
    sky_level: ByBand[float] = 0.0,
    zeropoint: ByBand[float] | None = None,
    pixel_scale: ByBand[float] | None = None,
    wcs: Any = None,
    band: ByBand[str] | None = None,
    unit: Any = None,
    wavelengths: Mapping[str, Any] | None = None,
) -> "Jobs":
    """Make a job for each source of a table: its stamp is cut from a mosaic when it is fitted.

    Mosaics in files are never read whole, unless they are compressed as a whole (.gz). Everything that is wrong with an
    argument is reported here; what is wrong with one galaxy, such as a position outside of the mosaic, is the failure
    of its job alone. Pixels beyond the mosaic's edges, and those without a finite value and error, are masked.

    Arguments:
        table: the sources: an astropy table, the path of one (ECSV, CSV, FITS, VOTable, SExtractor's catalogues), a
            pandas DataFrame, a `Detection`, or a list of mappings. Columns are found by the names that SExtractor,
            photutils and SEP use: the position in pixels (x, y, xcentroid, X_IMAGE ...) or on the sky (ra, dec,
            ALPHA_J2000, a `SkyCoord` ...), and the name (id, NUMBER, label ...), without which rows are numbered,
            from 0.
        image: the mosaic, as in `Image.read`, or an `Image`. For joint fits, `{name of the band: mosaic}`: every other
            argument on mosaics may then be one for all or a mapping by the same names. Mosaics that share pixels may
            lack a WCS; others are related by theirs, and the first is the frame of positions and of `size`. A band in
            which a galaxy has no usable pixel is left out, with a note in its row.
        sigma: the error map of the mosaic, as in `Image.read`; so are `weight`, `invvar` and `mask`. Without any, and
            without one in the image's file, the noise is measured in 256 pixels around each galaxy.
        psf: one PSF, as in `Image.read`, evaluated at each position if it varies; a list of PSFs, one for each row; or
            the name of a column of paths.
        segmentation: a map of the mosaic's sources: whole numbers, 0 on the sky.
        size: the side of the stamps in pixels or as an angle; (height, width); or the name of a column of sides, by
            default "stamp_size". Without one, stamps extend to twice the reach of the target's segment, between 48 and
            1024 pixels; without a segmentation map they are 64 pixels wide.
        model: the model, a recipe that makes one from the stamp, or what `guess` shall make, such as "sersic_exp".
        neighbours: what becomes of other sources. "mask" masks the pixels of other labels in the segmentation map, else
            the sources that are detected in the stamp, with their wings. "model" adds a Sérsic component to the model,
            "neighbour_1", "neighbour_2" ..., for each other source of the table whose segment, in the map or as
            detected, touches the target's; the rest are masked; it needs one image. "ignore" changes nothing.
        id: the column of names, which must differ.
        x: the column of positions in pixels along the first axis, from 0; from 1 if its name is one of SExtractor's.
        y: the column of positions along the second axis.
        ra: the column of right ascensions, in degrees unless it has a unit.
        dec: the column of declinations.
        label: the column of labels in the segmentation map, by default "label" or "NUMBER"; False uses the label at the
            position.
        origin: the number of the first pixel in x and y, 0 or 1, if the rule above is wrong.
        wavelengths: of several bands, as in `Images`: `{name of the band: micrometres}`, also as astropy lengths.

    The other arguments are those of `Image.read`.

    Returns:
        The jobs in the order of the table: a sequence, which can also be indexed by name.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if an argument is unsuitable, or names are not unique; so is `TypeError`.

    Example:
        >>> image = sl.datasets.example()
        >>> jobs = sl.jobs([{"id": "NGC 1365", "x": 50.2, "y": 41.1}], image, size=61)
        >>> jobs["NGC 1365"].load_image().shape
        (61, 61)
    """
    from sersiclab.catalogue.job_arguments import jobs_of  # which import astropy's files and units
    from sersiclab.catalogue.stamp_arguments import MosaicArguments

    planes = {"image": image, "sigma": sigma, "weight": weight, "invvar": invvar, "mask": mask}
    options = {"gain": gain, "read_noise": read_noise, "sky_level": sky_level, "zeropoint": zeropoint, "wcs": wcs}
    options |= {"pixel_scale": pixel_scale, "band": band, "unit": unit}
    sampling = {"psf_oversampling": psf_oversampling, "psf_includes_pixel": psf_includes_pixel}
    sampling |= {"psf_centre": psf_centre}
    columns = {"id": id, "x": x, "y": y, "ra": ra, "dec": dec, "label": label, "origin": origin}
    given = MosaicArguments({**planes, "segmentation": segmentation}, options, psf, sampling)
    return jobs_of(table, columns, given, size=size, model=model, neighbours=neighbours, wavelengths=wavelengths)
