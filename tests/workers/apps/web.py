"""A WSGI application whose pool is opened where the module is imported."""

import os

from notes import application_on

import pingpool

pool = pingpool.open(os.environ["DATABASE_URL"], size=2, default_timeout=5)
application = application_on(pool)
