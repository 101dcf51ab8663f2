"""A plain reader of vCard 4.0 (RFC 6350), written from the standard and not from the writer."""

import re


def read(card: bytes) -> dict[str, tuple[dict[str, str], str]]:
    """Return each property with its parameters and its unescaped value."""
    text = card.decode("utf-8")
    assert text.endswith("\r\n")
    properties = {}
    for line in re.sub(r"\r\n[ \t]", "", text).split("\r\n")[:-1]:
        head, value = line.split(":", 1)
        name, *parameters = head.split(";")
        pairs = dict(parameter.split("=", 1) for parameter in parameters)
        properties[name.upper()] = ({key.upper(): word.lower() for key, word in pairs.items()}, value)
    assert list(properties)[:2] == ["BEGIN", "VERSION"], "3.3: VERSION comes immediately after BEGIN"
    assert list(properties)[-1] == "END"
    return properties


def unescaped(value: str) -> str:
    """3.4: a backslash stands before a comma, semicolon, backslash or n."""
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] in "nN" else match[1], value)


def components(value: str) -> list[str]:
    """The parts of a structured value, split at semicolons that stand bare."""
    return [unescaped(part) for part in re.findall(r"((?:\\.|[^;\\])*)(?:;|$)", value)][: value.count(";") + 1]
