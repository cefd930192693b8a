"""The process: its compiled programs, memory, seeds of random numbers, and forks."""
