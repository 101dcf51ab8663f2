"""Hospital records in: FHIR R4 and OMOP CDM 5.4 as facts with their evidence."""
