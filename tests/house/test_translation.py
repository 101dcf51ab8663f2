"""Translation: every text of the interface is a message, and every message has a translation that reads as one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from support.paths import FOLDER, ROOT
from support.trial import TRIAL

from protocol.records import read_record
from protocol.translation import _, about_renderings, marked_rendering, rendering_of, translated
from protocol.trial import Identity

SOURCE = ROOT / "src" / "protocol"
LOCALE = SOURCE / "locale"
LANGUAGES = sorted(file.parents[1].name for file in LOCALE.glob("*/LC_MESSAGES/protocol.po"))

UNITS = "km mg cm kg eta gamma lambda logistic"

NAMES = (
    "Excel "
    "allo clinfun cmprsk pandas profile bundle lines wheel Arrow Bundle Condition Ctrl Dask Group Jupyter Karnofsky "
    "Keyboard Lin Markdown Page Parquet Patient Pocock Polars Python Simon Spark Storer Yin Years"
)

TYPED = (
    "bili survival True False active both coordinator dose false female focus followed frequency help id infusion "
    "investigator male on participant pending person port related responded seed serious specimen subject trials "
    "true truth viewer"
)

PAGES_IN_ENGLISH = "Keep a log of the trial Traceability"

LATIN = {word for words in (UNITS, NAMES, TYPED, PAGES_IN_ENGLISH) for word in words.split()}
"""Words of Latin letters that stand in Chinese texts, beside quotations, commands and words in capitals."""

CITED = re.compile(r"([A-Z][a-z]+[,& ]*)+等?\d{4}|WHO Technical Report Series|PMC\d+, Table \d")

QUOTED = re.compile(r"`[^`]*`|\{[^{}]*\}|<[^<>]*>|“[^”]*”|\"[^\"]*\"")

COMMAND = re.compile(r"protocol-workbook( [a-z.<>]+)*|--?[a-z]+|\S*[._/=@]\S*")

CODE = re.compile(
    r"[A-Z_]+(, [A-Z_]+)*|ssl\w+(, ssl\w+)*|--\w+|True, False|None|'enrolment'|https?:.*|postgresql\+.*"
    r"|[a-z_]+\.toml(, .*)?|\.toml|(, )?[a-z]+[A-Z.]\w*(\..*)?|\.windowLower|, (root|studies)|\.locations"
)
"""What stands in an error in the same letters in every language: settings, addresses, places of a file."""

REFUSING = ("ProtocolError", "RecordError", "ValueError", "unique")
"""What is called with the words of an error."""


def catalogue(language: str) -> Catalog:
    with (LOCALE / language / "LC_MESSAGES" / "protocol.po").open("rb") as file:
        return read_po(file, locale=language)


def messages() -> Catalog:
    with (LOCALE / "protocol.pot").open("rb") as file:
        return read_po(file)


def keys(found: Catalog) -> set[tuple[str, str]]:
    """Return the context and the text of each message."""
    return {(message.context or "", message.id) for message in found if message.id}


def pairs(language: str) -> Iterator[tuple[str, str]]:
    """Yield each message with its translation; of a plural form the one that names the number."""
    for message in catalogue(language):
        if message.id:
            text = message.string if isinstance(message.string, str) else message.string[0]
            yield message.id if isinstance(message.id, str) else message.id[1], text


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@pytest.mark.slow
def test_the_catalogue_holds_what_code_templates_and_record_say() -> None:
    with (LOCALE / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = {(context or "", text) for *_place, text, _notes, context in extract_from_dir(ROOT, methods, options)}
    assert found == keys(messages()), "run: make messages"


def test_it_holds_labels_of_the_record_and_sentences_of_the_pages() -> None:
    known = {message.id for message in messages()}
    assert {"Body mass index", "What to find out next", "Febrile neutropenia"} <= known


def test_the_words_of_the_registry_are_messages_apart_from_those_that_are_translated_in_place() -> None:
    record, known = TRIAL.identity, keys(messages())
    arms = (*record.arms, *record.interventions)
    quoted = [one.wording for criterion in TRIAL.eligibility.criteria for one in (criterion, *criterion.parts)]
    quoted += [text for arm in arms for text in (arm.name, arm.type, arm.description)]
    quoted += [text for one in record.outcomes for text in (one.measure, one.description, one.time_frame) if text]
    quoted += [record["title"].value, record["purpose"].value, *record["conditions"].value, record["design"].value]
    assert {("wording", text) for text in quoted} <= known
    assert not {("", arm.name) for arm in arms} & known
    assert not [text for context, text in known if not context and "Body mass index (BMI) of more than" in str(text)]


@pytest.mark.slow
def test_ids_people_and_days_of_the_registry_are_no_messages() -> None:
    names = {TRIAL.identity[name].value for name in ("nct_id", "investigator", "start_date")}
    assert not names & {text for _context, text in keys(messages())}


def test_a_record_that_is_read_in_chinese_keeps_the_words_of_the_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROTOCOL_LANGUAGE", "zh_CN")
    own, read = TRIAL.identity, read_record(FOLDER / "trial.toml", Identity)
    assert read["title"].label == "标题"
    assert [fact.value for fact in own.facts] == [fact.value for fact in read.facts]
    assert (own.arms, own.interventions, own.outcomes) == (read.arms, read.interventions, read.outcomes)
    assert translated({"criteria": [{"wording": "All"}]}) == {"criteria": [{"wording": "All"}]}


def test_words_of_the_registry_have_a_rendering_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendering_of("All") == rendering_of(["Anemia", "Bleeding"]) == ""
    assert about_renderings(["All"]) == ""
    monkeypatch.setenv("PROTOCOL_LANGUAGE", "zh_CN")
    assert (rendering_of("All"), _("All")) == ("不限", "全部")
    assert rendering_of(["Anemia", "Bleeding"]) == "贫血、出血"
    assert marked_rendering("Bleeding") == "译：出血"
    assert rendering_of("Words of another trial") == rendering_of(["Anemia", "Words of another trial"]) == ""
    assert marked_rendering("") == about_renderings(["", "Words of another trial"]) == ""
    assert about_renderings(["Words of another trial", "Anemia"]) == "译：工作簿自译，非登记内容"


def test_no_message_is_read_as_a_format_of_the_percent_sign() -> None:
    """`pybabel compile` would refuse its translation: write “intervals (95 %)”."""
    assert not [message.id for message in messages() if "python-format" in message.flags]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_has_a_translation(language: str) -> None:
    assert keys(catalogue(language)) == keys(messages()), "run: make messages"
    assert not [message for message, text in pairs(language) if not text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_placeholders_of_its_message(language: str) -> None:
    placeholder = re.compile(r"\{[^{}]*\}|%\(\w+\)s")
    wrong = []
    for message, text in pairs(language):
        asked, given = placeholder.findall(message), placeholder.findall(text)
        nameless = [one for one in asked if one.startswith(("{}", "{:"))]
        if sorted(asked) != sorted(given) or nameless != [one for one in given if one.startswith(("{}", "{:"))]:
            wrong.append((message, text))
    assert not wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_pages_read_is_what_the_translators_wrote(language: str) -> None:
    with (LOCALE / language / "LC_MESSAGES" / "protocol.mo").open("rb") as file:
        compiled = {(one.context, tuple(one.id)): [*one.string] for one in read_mo(file) if one.id}
    written = {(one.context, tuple(one.id)): [*one.string] for one in catalogue(language) if one.id}
    assert compiled == written, "run: make messages"


@pytest.mark.slow
def test_no_english_words_are_left_in_chinese() -> None:
    found = {}
    for _message, text in pairs("zh_CN"):
        words = re.findall(
            r"(?<![A-Za-z0-9])[A-Z]?[a-z]{2,}(?![A-Za-z0-9])", COMMAND.sub(" ", QUOTED.sub(" ", CITED.sub(" ", text)))
        )
        found |= {word: text for word in words if word not in LATIN}
    assert not found


@pytest.mark.slow
def test_no_text_is_marked_inside_a_formatted_one() -> None:
    """Babel does not see it there on Python 3.11."""
    marked = [
        f"{file.relative_to(SOURCE)}:{call.lineno}"
        for file in files()
        for text in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(text, ast.JoinedStr)
        for call in ast.walk(text)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("_", "ngettext")
    ]
    assert not marked


@pytest.mark.slow
def test_what_an_error_says_is_marked() -> None:
    assert not [place for file in files() for place in unmarked(file)]


def unmarked(file: Path) -> Iterator[str]:
    """Yield the places of English texts that an error says and that are no messages."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        said = [one for call in ast.walk(function) if is_error(call) for one in call.args[:3]]  # type: ignore[attr-defined]
        names = {one.id for one in said if isinstance(one, ast.Name)}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                said += [
                    value for target, value in assigned(node) if isinstance(target, ast.Name) and target.id in names
                ]
        for text in said:
            yield from (f"{file.relative_to(SOURCE)}:{one.lineno}: {ast.unparse(one)}" for one in english(text))


def is_error(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSING


def assigned(node: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        yield from zip(target.elts, value.elts, strict=False)
    else:
        yield target, value


def english(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the texts with words that an expression can become, but for marked ones and for code."""
    if isinstance(node, ast.IfExp):
        yield from (*english(node.body), *english(node.orelse))
    elif isinstance(node, ast.BoolOp):
        yield from (text for value in node.values for text in english(value))
    elif isinstance(node, ast.BinOp):
        yield from (*english(node.left), *english(node.right))
    else:
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        if any(re.search(r"[A-Za-z]{2}", text) and not CODE.fullmatch(text) for text in texts):
            yield node
