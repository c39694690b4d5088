"""Pools in Django: `pip install "pingpool[django]"`, and another `ENGINE`.

    DATABASES = {
        "default": {
            "ENGINE": "pingpool.plugins.django.postgresql",  # or mysql, or sqlite3
            "NAME": "shop",
            "OPTIONS": {"pingpool": {"size": 4}},
        }
    }

Django opens and sets up the connections, as ever; the pool of the process decides which one is lent to whom.
"""

from importlib import import_module

from pingpool.extras import needing

with needing("django"):
    import_module("django")
