"""Pools in OpenTelemetry: `pip install "pingpool[opentelemetry]"`.

    from pingpool.plugins.opentelemetry import instrument
    instrument(pool)

`names` is the table of the metrics, `metrics` collects them, `replay` makes histograms of counts.
"""

from pingpool.plugins.opentelemetry.metrics import instrument

__all__ = ["instrument"]
