"""Names for the arrays that an image is made of, all indexed `[y, x]`."""

import numpy as np
from jaxtyping import Bool, Float, Int


Plane = Float[np.ndarray, "y x"]
Mask = Bool[np.ndarray, "y x"]  # True where a pixel is excluded, or belongs to a region
Labels = Int[np.ndarray, "y x"]  # of a segmentation map: 0 is the sky
