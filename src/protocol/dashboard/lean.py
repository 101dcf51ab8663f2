"""Keep out of a process of the workbook what no page needs and other libraries import if it is installed.

Imported before anything else. A blank entry prevents the import.
"""

import sys

# rfc3987_syntax: jsonschema builds 38 parsers from it (2 s), only for "format: iri", which no figure has.
# pyarrow: pandas imports it (40 MB a page).
# debugpy: ipykernel imports it (15 MB a page); no page is debugged.
for name in ("rfc3987_syntax", "pyarrow", "debugpy"):
    sys.modules.setdefault(name, None)  # type: ignore[arg-type]
