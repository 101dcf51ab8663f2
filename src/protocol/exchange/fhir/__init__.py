"""FHIR R4: bundles and bulk files in, as facts with their evidence; a Group of participants out."""

from protocol.exchange.fhir.group import group
from protocol.exchange.fhir.people import read_fhir

__all__ = ["group", "read_fhir"]
