"""Pools where people already are: each plug is imported on its own, and needs the extra of its name."""
