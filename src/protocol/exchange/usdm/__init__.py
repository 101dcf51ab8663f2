"""USDM 4.0 (CDISC and TransCelerate): a study's schedule and criteria come in, a trial goes out."""

from protocol.exchange.usdm.reading import criteria, schedule, study
from protocol.exchange.usdm.writing import export

__all__ = ["criteria", "export", "schedule", "study"]
