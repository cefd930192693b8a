"""Models as JSON and Python code, and files that are written completely or not at all."""
