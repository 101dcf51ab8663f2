"""Clinical records in a browser: files that are chosen become facts, also when they are chosen again."""

import gzip

from support import paths

VECTORS = paths.VECTORS / "eligibility" / "fhir_r4_synthea"


def test_records_are_opened_shown_put_into_the_form_and_opened_again(dashboard, laptop, tmp_path):
    laptop.open(dashboard, "02-eligibility")
    tab = laptop.tab
    files = []
    for path in sorted(VECTORS.glob("*.gz")):
        files.append(tmp_path / path.stem)
        files[-1].write_bytes(gzip.decompress(path.read_bytes()))
    tab.get_by_role("tab", name="Import and export").click()
    day = tab.get_by_role("tabpanel", name="Import and export").get_by_label("Day", exact=True)
    day.fill("2020-09-01")
    day.press("Tab")
    for chosen, said in ((files, "6 persons read"), (files[:1], "1 person read"), (files[:1], "1 person read")):
        with tab.expect_file_chooser() as chooser:
            tab.get_by_role("button", name="Open FHIR records").click()
        chooser.value.set_files(chosen)
        tab.get_by_text(said).wait_for()
    assert tab.get_by_text("LOINC 38483-4").count() > 0
    assert tab.get_by_text("Mueller").count() == 0
    tab.get_by_role("button", name="Put into the form").click()
    unread = tab.get_by_text("No upper limit of normal").or_(tab.get_by_text("no upper limit of normal"))
    unread.first.wait_for(state="attached")  # in the list of verdicts, which is folded
    assert laptop.errors == []
