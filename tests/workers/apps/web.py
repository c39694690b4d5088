"""A WSGI application whose pool is opened where the module is imported."""

import os

from notes import OPTIONS, application_on

import pingpool

pool = pingpool.open(os.environ["DATABASE_URL"], **OPTIONS)
application = application_on(pool)
