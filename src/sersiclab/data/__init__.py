"""Images with their errors, PSF and mask: from arrays and from the files of others."""
