"""The one widget that draws every picture, without a network."""

from protocol.chart.widget import Chart, mimebundle

__all__ = ["Chart", "mimebundle"]
