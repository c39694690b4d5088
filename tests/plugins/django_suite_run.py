"""Runs Django's `runtests.py` in this process, where PyMySQL may stand for mysqlclient."""

import runpy
import sys

from tests.plugins.mysqldb import have_mysql

if __name__ == "__main__":
    sources = sys.argv.pop(1)
    have_mysql()
    sys.path.insert(0, sources)
    runpy.run_path(f"{sources}/runtests.py", run_name="__main__")
