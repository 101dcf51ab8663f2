"""Figures: a tidy DataFrame in, an Altair chart out."""
