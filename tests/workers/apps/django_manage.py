"""`manage.py` of the project; the server that it runs begins anew when the file of `watched` changes."""

import sys

import watched
from django.core.management import execute_from_command_line
from django_notes import application

__all__ = ["application", "watched"]

execute_from_command_line(sys.argv)
