"""Where the operating system has PostGIS, and what GeoDjango needs."""

from ctypes.util import find_library
from pathlib import Path

POSTGIS_MISSING = "there is no PostgreSQL with PostGIS, or no GDAL and GEOS; install them by: make more-servers"


def programs_with_postgis() -> Path | None:
    """Return the folder of a PostgreSQL that has PostGIS; None if there is none, or GeoDjango would not work."""
    if not (find_library("gdal") and find_library("geos_c")):
        return None
    extensions = sorted(Path("/usr/share/postgresql").glob("*/extension/postgis.control"))
    folders = [Path("/usr/lib/postgresql") / each.parts[-3] / "bin" for each in extensions]
    return next((folder for folder in reversed(folders) if (folder / "initdb").exists()), None)
