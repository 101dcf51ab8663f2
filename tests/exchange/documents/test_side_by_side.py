"""One document in two languages: what stands beside what, and that nothing is lost."""

import io
import re
import zipfile
from datetime import date

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from protocol.exchange import side_by_side
from protocol.exchange.documents.archive import zipped
from protocol.exchange.documents.side_by_side import in_both

DAY = date(2026, 11, 30)


def page(content: str, lang: str = "en", title: str = "Title") -> str:
    return (
        f'<!doctype html>\n<html lang="{lang}"><title>{title}</title><style>p {{ margin: 0 }}</style>{content}</html>'
    )


def both(english: str, chinese: str) -> BeautifulSoup:
    return BeautifulSoup(side_by_side(page(english), page(chinese, "zh-CN", "标题")), "html.parser")


def pairs(found: BeautifulSoup) -> list[list[tuple[str, str]]]:
    return [
        [(str(part["lang"]), part.get_text()) for part in pair.find_all(lang=True, recursive=False)]
        for pair in found.select(".beside")
    ]


def test_each_block_stands_beside_its_twin_with_its_language() -> None:
    found = both("<h1>Questions</h1><article><p>One</p><p>Two</p></article>",
                 "<h1>问题</h1><article><p>一</p><p>二</p></article>")  # fmt: skip
    assert pairs(found) == [
        [("en", e), ("zh-CN", z)] for e, z in (("Questions", "问题"), ("One", "一"), ("Two", "二"))
    ]
    assert len(found.select("article")) == 1
    assert found.html["lang"] == "en"
    assert found.title.get_text() == "Title · 标题"
    assert len(found.find_all("style")) == 2  # theirs once, and that of the pairs


def test_a_block_that_is_the_same_in_both_is_there_once() -> None:
    found = both("<p>NCT1</p><p>One</p>", "<p>NCT1</p><p>一</p>")
    assert [len(found.find_all(string="NCT1")), len(pairs(found))] == [1, 1]


def test_the_title_of_a_folded_part_has_both_languages() -> None:
    found = both("<details><summary>More</summary><p>One</p></details>",
                 "<details><summary>更多</summary><p>一</p></details>")  # fmt: skip
    assert found.summary.get_text() == "More · 更多"
    assert [part["lang"] for part in found.summary.find_all("span")] == ["en", "zh-CN"]
    assert pairs(found) == [[("en", "One"), ("zh-CN", "一")]]


def rows(*lines: str) -> str:
    cells = ("".join(f"<td>{cell}</td>" for cell in line.split("|")) for line in lines)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in cells)}</table>"


def test_a_narrow_table_stands_beside_its_twin() -> None:
    found = both(rows("Regimen|Treated", "A1|3"), rows("给药方案|已治疗", "A1|3"))
    assert len(found.select(".beside table")) == 2


def test_a_wide_table_has_both_languages_in_each_cell_that_differs() -> None:
    long = "a sentence that needs a whole column"
    found = both(rows(f"A1|{long}|{long}", "A2|-|-"), rows("A1|一句话|一句话", "A2|-|-"))
    assert not found.select(".beside")
    assert [cell.get_text("/") for cell in found.find_all("td")] == ["A1", *[f"{long}/一句话"] * 2, "A2", "-", "-"]


def test_words_quoted_in_their_own_language_stand_in_a_cell_once() -> None:
    long, quote = "a sentence that needs a whole column", '<div lang="en">the registry\'s words</div>'
    found = both(rows(f"{long}|{long}{quote}"), rows(f"一句话|一句话{quote}"))
    assert [cell.get_text("/") for cell in found.find_all("td")] == [
        f"{long}/一句话",
        f"{long}/the registry's words/一句话",
    ]


def test_wide_tables_of_different_rows_stand_whole_one_after_the_other() -> None:
    line = "|".join(["a long text that breaks"] * 3)
    found = both(rows(line, line), rows(line))
    assert [part["lang"] for part in found.select(".after > div")] == ["en", "zh-CN"]
    assert len(found.find_all("tr")) == 3


@pytest.mark.parametrize(
    "other", ["<p>一</p>", "<p>一</p><h2>二</h2>", "<p>一</p><p class='x'>二</p>", "text<p>一</p>", ""]
)
def test_documents_with_other_blocks_stand_whole_one_after_the_other(other: str) -> None:
    found = both("<p>One</p><p>Two</p>", other)
    [one, two] = found.select(".after > div")
    assert [one.get_text(), two.get_text()] == ["OneTwo", BeautifulSoup(other, "html.parser").get_text()]


def test_ids_stay_unique_and_links_lead_to_the_text_in_their_own_language() -> None:
    def text(word: str) -> str:
        return (
            f'<p><a href="#t">{word}</a> <a href="https://example.org/#t">{word}</a></p>'
            f'<p id="t" aria-labelledby="t c">{word}</p>'
            f'<svg><clipPath id="c"></clipPath><g clip-path="url(#c)">{word}</g></svg>'
        )

    found = both(text("One"), text("一"))
    ids = [tag["id"] for tag in found.find_all(id=True)]
    assert ids == ["t", "t-2", "c", "c-2"]
    ours, theirs = found.select("[lang=en]"), found.select("[lang=zh-CN]")
    for parts, suffix in ((ours[1:], ""), (theirs, "-2")):
        links = [link["href"] for part in parts for link in part.find_all("a")]
        assert links == [f"#t{suffix}", "https://example.org/#t"]
        assert parts[1].p["aria-labelledby"] == f"t{suffix} c{suffix}"
        assert parts[2].g["clip-path"] == f"url(#c{suffix})"


def test_text_that_looks_like_markup_stays_text() -> None:
    found = side_by_side(page("<p>a &lt;script&gt; &amp; b</p>"), page("<p>&lt;script&gt;</p>", "zh-CN", "&lt;b&gt;"))
    assert "<script" not in found
    assert "a &lt;script&gt; &amp; b" in found
    assert "<title>Title · &lt;b&gt;</title>" in found


WORDS = st.text("ab 中文", min_size=1, max_size=5).filter(str.strip)
CONTENT = st.recursive(
    st.builds("<{0}>{1}</{0}>".format, st.sampled_from(["p", "h2", "b", "svg"]), WORDS) | WORDS,
    lambda inner: st.builds(
        lambda name, parts: f"<{name}>{''.join(parts)}</{name}>",
        st.sampled_from(["section", "div", "details", "table", "summary", "ul"]),
        st.lists(inner, max_size=4),
    ),
    max_leaves=8,
)


@pytest.mark.slow
@given(CONTENT, CONTENT)
def test_nothing_of_either_document_is_lost(english: str, chinese: str) -> None:
    found = both(english, chinese)
    for document in (english, chinese):
        text = BeautifulSoup(document, "html.parser").get_text()
        assert all(word in found.get_text() for word in text.split())


@pytest.mark.slow
@given(CONTENT)
def test_a_document_beside_itself_is_the_document(content: str) -> None:
    text = re.sub(r"\s", "", BeautifulSoup(content, "html.parser").get_text())
    found = re.sub(r"\s", "", both(f"<div>{content}</div>", f"<div>{content}</div>").find("div").get_text())
    assert found == text


def test_the_pages_of_an_archive_are_paired_and_its_tables_stay() -> None:
    own = {"a.html": page("<p>One</p>").encode(), "a.csv": b"one", "own.html": b"<p>own</p>"}
    other = {"a.html": page("<p>一</p>", "zh-CN").encode(), "a.csv": b"yi"}
    found = in_both("pack.zip", zipped(own, DAY), zipped(other, DAY))
    with zipfile.ZipFile(io.BytesIO(found)) as pack:
        assert pack.namelist() == list(own)
        assert pack.read("a.csv") == b"one"
        assert pack.read("own.html") == b"<p>own</p>"
        assert {"One", "一"} <= set(BeautifulSoup(pack.read("a.html"), "html.parser").stripped_strings)
        assert pack.infolist()[0].date_time[:3] == (2026, 11, 30)
