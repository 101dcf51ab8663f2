"""Cohort files in, results of a cohort out."""
