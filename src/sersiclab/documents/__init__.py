"""Models as JSON and Python code, and files that are written whole or not at all."""
