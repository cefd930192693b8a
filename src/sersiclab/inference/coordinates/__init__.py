"""Coordinates in which a posterior is easier to sample."""
