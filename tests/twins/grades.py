"""CTCAE grades of one blood count, in exact decimals, to be read beside the printed criteria."""

from decimal import Decimal

FIXED = {  # the count below which each grade begins, in 10^9/L or g/L; True where grade 1 begins at the normal limit
    ("5.0", "Neutrophil count decreased"): ({2: "1.5", 3: "1.0", 4: "0.5"}, True),
    ("6.0", "Neutrophil count decreased"): ({1: "1.5", 2: "1.0", 3: "0.5", 4: "0.1"}, False),
    ("5.0", "Platelet count decreased"): ({2: "75", 3: "50", 4: "25"}, True),
    ("6.0", "Thrombocytopenia"): ({2: "75", 3: "50", 4: "10"}, True),
    ("5.0", "Anemia"): ({2: "100", 3: "80"}, True),
    ("6.0", "Anemia"): ({2: "100", 3: "80"}, True),
    ("5.0", "White blood cell decreased"): ({2: "3.0", 3: "2.0", 4: "1.0"}, True),
    ("6.0", "White blood cell decreased"): ({2: "3.0", 3: "2.0", 4: "1.0"}, True),
    ("5.0", "Lymphocyte count decreased"): ({2: "0.8", 3: "0.5", 4: "0.2"}, True),
}

TIMES = {"10^9/L": "1", "/mm3": "0.001", "g/L": "1", "g/dL": "10"}


def plain_grade(version, term, value, unit, normal_limit):
    """Return the grade, 0 for none, None when it cannot be known; `value` and `normal_limit` are texts or None."""
    if (version, term) not in FIXED or value is None:
        return None
    limits, needs_normal_limit = FIXED[version, term]
    count = Decimal(value) * Decimal(TIMES[unit])
    for grade in sorted(limits, reverse=True):
        if count < Decimal(limits[grade]):
            return grade
    if not needs_normal_limit:
        return 0
    if normal_limit is None:
        return None
    return 1 if Decimal(value) < Decimal(normal_limit) else 0
