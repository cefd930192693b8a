"""What concerns the process: compiled programs, memory, seeds, forks."""
