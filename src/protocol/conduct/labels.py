"""Labels of the codes in the entries of a log, as people read them."""

from protocol.translation import _

KINDS = {
    "screened": _("screened"),
    "consented": _("informed consent signed"),
    "enrolled": _("enrolled"),
    "therapy_started": _("anti-cancer therapy started"),
    "infused": _("infusion given"),
    "treatment_ended": _("treatment ended"),
    "dlt_assessed": _("assessed for DLT"),
    "response": _("response"),
    "recovery": _("blood counts recovered"),
    "blood_count": _("blood count"),
    "given": _("transfusion or growth factor"),
    "adverse_event": _("adverse event"),
    "adverse_event_followed": _("follow-up of adverse event"),
    "relapsed": _("relapse or progression"),
    "visit": _("visit"),
    "withdrawn": _("left the trial"),
    "decision": _("committee decision"),
    "regimen_declared": _("regimen declared"),
    "correction": _("correction"),
    "note": _("note"),
}
"""By the kind of an event."""

OVERALL = {
    "ineligible": _("not eligible"),
    "possibly eligible": _("possibly eligible"),
    "eligible so far": _("eligible so far"),
}
"""By the overall verdict of a screening."""

COUNTS = {
    "neutrophils": _("neutrophils"),
    "platelets": _("platelets"),
    "haemoglobin": _("haemoglobin"),
    "white_cells": _("white cells"),
    "lymphocytes": _("lymphocytes"),
}
"""By the id of what is counted."""
