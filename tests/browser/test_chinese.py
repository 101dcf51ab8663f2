"""Pages in Chinese: the switch of language, login and error pages; every tab is walked in test_accessibility."""

import pytest
from support.chinese import SAID, english
from support.kernels import kernels
from support.paths import NOTEBOOKS


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


def test_the_first_page_in_a_language_shows_its_frame_before_anything_is_loaded(serve, chinese, tmp_path):
    with serve(NOTEBOOKS, tmp_path / "log.txt", PROTOCOL_LANGUAGE="en") as served:
        chinese.tab.goto(served.address)
        chinese.tab.goto(served.page("05-sites"), wait_until="commit")
        chinese.tab.locator(".wb-nav [aria-current]", has_text="研究中心").wait_for()
        chinese.tab.locator("#loading", has_text="正在打开页面").wait_for()
        assert kernels(served.process) == {}
        chinese.tab.get_by_role("button", name="深色").click()
        assert chinese.tab.locator("#wb-dark").get_attribute("aria-pressed") == "true"
        assert chinese.tab.title().startswith("研究中心 · ")
        chinese.tab.wait_for_selector("#loading", state="detached")
        chinese.tab.locator("#rendered_cells .jupyter-widgets").first.wait_for()
        assert len(kernels(served.process)) == 1
