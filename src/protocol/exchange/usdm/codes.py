"""The CDISC terms an export uses, by the words that stand beside each code."""

TERMS = {
    "After": "C201356", "Before": "C201357", "Fixed Reference": "C201358", "Start to Start": "C201355",
    "Inclusion Criteria": "C25532", "Exclusion Criteria": "C25370",
    "Visit": "C25716", "Hospital": "C16696", "In Person": "C175574",
    "Screening Epoch": "C202487", "Treatment Epoch": "C101526", "Follow-Up Epoch": "C202578",
    "Investigational Arm": "C174266", "Data Generated Within Study": "C188866",
    "Primary Objective": "C85826", "Primary Endpoint": "C94496",
    "Interventional Study": "C98388", "Single Group Study": "C82640", "Open Label Study": "C49659",
    "Experimental Intervention": "C41161", "Biological Agent": "C307", "Pharmacologic Substance": "C1909",
    "Female": "C16576", "Male": "C20197", "Year": "C29848",
    "Clinical Study Sponsor": "C70793", "Sponsor": "C70793", "Study Registry": "C93453",
    "Healthcare Facility": "C21541",
    "Official Study Title": "C99905x2", "Brief Study Title": "C99905x1",
    "Phase I/II Trial": "C15693", "Phase II Trial": "C15601", "Phase III Trial": "C15602",
}  # fmt: skip
"""As they stand in CDISC's own USDM 4.0 examples (DDF-RA, CC-BY-4.0)."""
SYSTEM = "http://www.cdisc.org"
EDITION = "2024-09-27"
PHASES = {"Phase 1/Phase 2": "Phase I/II Trial", "Phase 2": "Phase II Trial", "Phase 3": "Phase III Trial"}
COUNTRIES = {"China": "CHN"}
"""A site elsewhere is exported as an organization without a site of the standard, which needs the code."""
EPOCHS = {"Screening": "Screening Epoch", "Treatment": "Treatment Epoch", "Follow-up": "Follow-Up Epoch"}
