"""A figure with its own display in notebooks."""

import io

from matplotlib.figure import Figure


class Picture(Figure):
    """A matplotlib figure that notebooks display even if pyplot was never used."""

    def _repr_png_(self) -> bytes:
        picture = io.BytesIO()
        self.savefig(picture, format="png")
        return picture.getvalue()
