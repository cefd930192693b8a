"""Images with their error map, PSF and mask, from arrays and from the files of other programs."""
