"""Figures: a tidy DataFrame in, an Altair chart out."""

from protocol import altair_import  # noqa: F401 - before anything else imports it
