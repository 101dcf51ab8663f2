"""Registry and study formats: ClinicalTrials.gov, USDM and ADaM."""
