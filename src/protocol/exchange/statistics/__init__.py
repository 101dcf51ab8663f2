"""The statistical section of a protocol as text, with references and what repeats the simulation."""

from protocol.exchange.statistics.parameters import parameters
from protocol.exchange.statistics.sections import StatisticalSection

__all__ = ["StatisticalSection", "parameters"]
