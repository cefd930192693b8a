"""Python code that reproduces the state of an editor."""

import base64
import textwrap
import zlib

import numpy as np

from sersiclab.data.image import Image
from sersiclab.documents.spec import to_python
from sersiclab.model import Model


LONGEST = 20_000  # characters of a mask in the code; for a longer one, the code explains how to use a file
MASK = """
# The edited mask: {count} of {total} pixels are excluded. Apply it with image = image.with_mask(mask).
mask_bits = (
{lines}
)
mask = np.unpackbits(np.frombuffer(zlib.decompress(base64.b64decode(mask_bits)), np.uint8), count={total})
mask = mask.reshape({shape}).astype(bool)
"""
MASK_NOTE = """
# The mask was edited: {count} of {total} pixels are excluded. Save it with np.save("mask.npy", wb.image.mask), and
# apply it with image = image.with_mask(np.load("mask.npy")).
"""


def python_code(model: Model, image: Image, *, masked: bool) -> str:
    """Return Python code that builds the model, and the image's mask as `mask` if it was edited."""
    code = to_python(model)
    if not masked:
        return code
    bits = base64.b64encode(zlib.compress(np.packbits(image.mask).tobytes(), 9)).decode()
    counts = {"count": int(image.mask.sum()), "total": image.mask.size}
    if len(bits) > LONGEST:
        return code + MASK_NOTE.format(**counts)
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(bits, 100))
    imports, _, rest = code.partition("\n\n\n")
    needed = sorted({*imports.splitlines(), "import base64", "import zlib", "import numpy as np"})
    return "\n".join(needed) + "\n\n\n" + rest + MASK.format(**counts, lines=lines, shape=image.shape)
