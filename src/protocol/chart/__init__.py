"""The one widget that draws every picture, without a network."""

from protocol import altair_import  # noqa: F401 - before anything else imports it
from protocol.chart.widget import Chart, mimebundle

__all__ = ["Chart", "mimebundle"]
