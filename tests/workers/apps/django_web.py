"""The same project, which asks its database while it is imported: the main thread keeps that connection over a fork."""

from django.db import connection
from django_notes import application

__all__ = ["application"]

with connection.cursor() as cursor:
    cursor.execute("SELECT 1")
