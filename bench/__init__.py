"""What pingpool costs, measured side by side with other pools: `python -m bench`."""
