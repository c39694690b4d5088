"""A file or a folder per kind of database. What the drivers of one server share is in its `traits.py`.

A driver is imported only when the class that needs it is asked for.
"""
