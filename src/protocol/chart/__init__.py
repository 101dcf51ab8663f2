"""The one small widget that draws every chart."""
