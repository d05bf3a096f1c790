from __future__ import annotations

import pytest

from agent.errors import InvalidObjectError
from agent.jobs.xmltext import UnwritableError, escaped, read, write


@pytest.mark.parametrize("char", ["\x00", "\x0b", "\x1b", "\r", "\x7f", "\x9f", "\ud800", "\ufffe", "\uffff"])
def test_what_xml_cannot_carry_is_refused_with_its_line(char):
    with pytest.raises(UnwritableError, match="line 2"):
        escaped(f"first\nsecond{char}")


def test_text_survives_writing_and_reading():
    text = "a & b < c > d \"e\" 'f' ]]> \t\n é 日本 \U0001f600 \x85 \u2028 end"
    assert read(f"<?xml version='1.1' encoding='UTF-8'?>\n<a>{escaped(text)}</a>").text == text


@pytest.mark.parametrize(
    "prolog",
    [
        "",
        "<?xml version='1.1' encoding='UTF-8'?>\n",
        '<?xml version="1.0" encoding="UTF-8"?>',
        "\n <!-- a comment <!DOCTYPE x> -->\n",
        "<?xml version='1.1'?><!-- x --><?php echo ?>\n",
    ],
)
def test_any_prolog_of_jenkins_is_read(prolog):
    assert read(prolog + "<a>x</a>").text == "x"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "lol">]><a>&x;</a>',
        '<?xml version="1.0"?><!-- x --><!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        "<a>&undefined;</a>",
        "<a",
        "",
        "not xml",
        "<a></b>",
        "<a/><b/>",
        "<a>\x00</a>",
        "<x>" * 150 + "</x>" * 150,
    ],
)
def test_hostile_or_broken_documents_are_one_clear_error(text):
    with pytest.raises(InvalidObjectError, match=r"config\.xml not read"):
        read(text)


def test_a_huge_document_is_not_even_parsed():
    with pytest.raises(InvalidObjectError, match="more than 16 MiB"):
        read("<a>" + " " * (16 * 1024 * 1024) + "</a>")


def test_a_doctype_in_a_script_is_only_text():
    assert read("<a><![CDATA[<!DOCTYPE html>]]></a>").text == "<!DOCTYPE html>"


def test_control_characters_of_xml_1_1_come_back_as_they_were():
    text = "<a><b>red &#x1b;[31m &#27; &#9;tab</b></a>"
    again = write(read(text))
    assert again.count("&#x1b;") == 2
    assert "\t" in again
    assert write(read(again)) == again
