"""Keep out of a process of the workbook what no page needs and other libraries import if it is installed.

Imported before anything else. A blank entry prevents the import.
"""

import sys

# pyarrow: pandas imports it (40 MB a page).
# debugpy: ipykernel imports it (15 MB a page); no page is debugged.
for name in ("pyarrow", "debugpy"):
    sys.modules.setdefault(name, None)  # type: ignore[arg-type]
