"""Registry and study formats: ClinicalTrials.gov, USDM and ADaM."""

__all__ = ["adam", "ctgov", "usdm"]
