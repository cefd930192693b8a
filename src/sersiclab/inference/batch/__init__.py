"""Many posterior densities at once: those of equal shapes and structure share one compiled program."""
