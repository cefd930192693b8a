"""Running a fit: its thread, progress, checkpoints, and how it is stopped."""
