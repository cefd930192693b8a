"""A figure that shows itself."""

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib figure that a notebook draws, also one in which pyplot has drawn nothing yet."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()
