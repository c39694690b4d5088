"""Pools in OpenTelemetry: `pip install "pingpool[opentelemetry]"`.

    from pingpool.plugins.opentelemetry import instrument
    instrument(pool)

`names` is the table of the metrics, `metrics` collects them, `replay` makes histograms of counts; `spans` tells of long
waits.
"""

from pingpool.extras import needing

with needing("opentelemetry"):
    from pingpool.plugins.opentelemetry.metrics import instrument
    from pingpool.plugins.opentelemetry.spans import LongWaits

__all__ = ["LongWaits", "instrument"]
