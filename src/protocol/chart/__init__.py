"""The one widget that draws every picture, without a network."""

from protocol.chart.widget import Chart

__all__ = ["Chart"]
