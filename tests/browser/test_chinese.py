"""Pages in Chinese: the switch of language, login and error pages; every tab is walked in test_accessibility."""

import pytest
from support.chinese import SAID, english


@pytest.fixture
def chinese(laptop):
    laptop.tab.context.set_extra_http_headers({"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"})
    return laptop


def language(tab):
    return tab.evaluate("document.documentElement.lang")


@pytest.mark.requirement("R-SYS-04")
def test_a_click_on_the_language_keeps_page_tab_and_settings_and_other_readers_keep_theirs(dashboard, laptop, phone):
    laptop.open(dashboard, "01-overview")
    laptop.tab.get_by_role("tab", name="Protocol").click()
    laptop.tab.get_by_role("button", name="medium").click()
    laptop.tab.wait_for_url("**severity=medium*")
    address = laptop.tab.url
    laptop.tab.get_by_role("button", name="中文").click()
    laptop.tab.get_by_role("tabpanel", name="试验方案").wait_for()
    laptop.tab.locator("button.mod-active", has_text="中").wait_for()
    assert (laptop.tab.url, language(laptop.tab)) == (address, "zh-CN")
    phone.open(dashboard, "01-overview")
    phone.tab.get_by_role("tab", name="Status").wait_for()
    laptop.tab.reload()
    laptop.tab.get_by_role("tab", name="状态").wait_for()
    assert (language(phone.tab), language(laptop.tab)) == ("en", "zh-CN")


@pytest.mark.requirement("R-SYS-04")
@pytest.mark.parametrize(("address", "opened"), [("/", False), ("/", True), ("/voila/render/99-none.ipynb", True)])
def test_login_start_and_error_pages_are_in_chinese(address, opened, dashboard, chinese):
    if opened:
        chinese.tab.goto(dashboard.address)
    chinese.tab.goto(dashboard.root + address)
    assert language(chinese.tab) == "zh-CN"
    assert [text for text in chinese.tab.evaluate(SAID) if english(text)] == []
    chinese.errors.clear()  # the browser notes the 404
