"""The address of a page and the drafts of its forms in a real browser."""

from urllib.parse import parse_qs, urlsplit


def settings(tab):
    return {name: texts[0] for name, texts in parse_qs(urlsplit(tab.url).query).items()}


def open_tab(tab, title):
    tab.get_by_role("tab", name=title).click()
    tab.get_by_role("tabpanel", name=title).wait_for()


def test_tab_and_settings_stand_in_the_address_and_back_and_reload_keep_them(workshop, laptop):
    laptop.open(workshop, "03-state")
    tab = laptop.tab
    tab.get_by_role("tabpanel", name="First").wait_for()
    tab.get_by_label("Phase").select_option("II")
    tab.wait_for_url("**?phase=II")
    open_tab(tab, "Second")
    tab.get_by_text("built when opened").wait_for()
    tab.wait_for_url("**tab=second*")
    assert settings(tab) == {"phase": "II", "tab": "second"}
    tab.reload()
    tab.get_by_role("tabpanel", name="Second").wait_for()
    assert settings(tab) == {"phase": "II", "tab": "second"}
    open_tab(tab, "First")
    tab.wait_for_url(lambda url: "tab=second" not in url)  # or there is nothing yet to go back from
    tab.go_back()
    tab.get_by_role("tabpanel", name="Second").wait_for()
    assert laptop.errors == []


def test_a_draft_survives_a_reload_and_leaving_is_asked_about(workshop, laptop):
    laptop.open(workshop, "03-state")
    tab = laptop.tab
    note = tab.get_by_label("Note")
    note.fill("half a sentence")
    tab.wait_for_function("window.protocolUnsaved === true")
    asked = []
    tab.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    tab.reload()
    tab.get_by_label("Note").wait_for()
    tab.wait_for_function("document.querySelector('input[type=text]').value === 'half a sentence'")
    assert asked == ["beforeunload"]


def test_arrow_keys_move_between_tabs(workshop, laptop):
    laptop.open(workshop, "03-state")
    tab = laptop.tab
    tab.get_by_role("tab", name="First").focus()
    tab.keyboard.press("ArrowRight")
    tab.get_by_role("tabpanel", name="Second").wait_for()
    assert tab.evaluate("document.activeElement.textContent") == "Second"
    tab.keyboard.press("Home")
    tab.get_by_role("tabpanel", name="First").wait_for()
