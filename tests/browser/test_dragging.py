"""The points of a picture, dragged with the pointer and moved with the keys."""

import nbformat
import pytest

pytestmark = pytest.mark.browser

PAGE = "from support.chart_page import draggable_page\ndraggable_page()"

POINTS = ".pw-chart-handle"


@pytest.fixture(scope="module")
def dragging(chromium, serve, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dragging")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(PAGE)], metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "01-points.ipynb")
    with serve(folder, tmp_path_factory.mktemp("log") / "dragging.txt", "--no-fork") as served:
        yield served


def point(tab, name):
    return tab.get_by_role("slider", name=f"True DLT rate {name}")


def said(tab, words):
    tab.wait_for_function("words => document.querySelector('.said').textContent.includes(words)", arg=words)


def test_a_point_follows_the_pointer_and_the_kernel_pushes_the_others(dragging, laptop):
    laptop.open(dragging, "01-points")
    tab = laptop.tab
    tab.wait_for_selector(POINTS)
    assert tab.locator(POINTS).count() == 4
    place = point(tab, "B1").bounding_box()
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    tab.mouse.move(x, y)
    tab.mouse.down()
    for down in (10, 20, 30, 40):
        tab.mouse.move(x, y + down)
    tab.mouse.up()
    value = float(point(tab, "B1").get_attribute("aria-valuenow"))
    assert 0 < value < 0.3
    said(tab, f"B1 {value:.2f}")
    tab.wait_for_function(  # the point below was pushed down to it
        "value => +document.querySelector('[aria-label$=A1]').getAttribute('aria-valuenow') <= value", arg=value
    )
    assert laptop.errors == []


def test_the_arrow_keys_move_a_point_and_it_keeps_the_focus(dragging, laptop):
    laptop.open(dragging, "01-points")
    tab = laptop.tab
    tab.wait_for_selector(POINTS)
    point(tab, "B1").focus()
    for key in ("ArrowUp", "ArrowUp", "PageUp", "ArrowDown"):
        tab.keyboard.press(key)
    said(tab, "B1 0.36")
    assert point(tab, "B1").get_attribute("aria-valuetext") == "0.36"
    assert tab.evaluate("document.activeElement.getAttribute('aria-label')") == "True DLT rate B1"
    assert laptop.errors == []
