"""Templates and durations of Go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redflow.model.durations import seconds
from redflow.model.go_text import Untranslatable, duration, translate


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("no template", "no template"),
        ("{{.name}}", "${input.name}"),
        ("{{ .user.name }}", "${input.user.name}"),
        ("{{$.name}}", "${input.name}"),
        ("{{.}}", "${input}"),
        ("{{.a}} and {{.b}}", "${input.a} and ${input.b}"),
        ('{{index . "first name" "x"}}', '${input["first name"]["x"]}'),
        ('{{index .user "first-name"}}', '${input.user["first-name"]}'),
        ("{{.class}} {{.größe}}", '${input["class"]} ${input["größe"]}'),
        ("a {{- .b -}} c", "a${input.b}c"),
        ("a {{/* told to nobody */}}b", "a b"),
        ("costs ${5}", "costs $${5}"),
        ("{{.a}} ${b} {{.c}}", "${input.a} $${b} ${input.c}"),
        ("}} {", "}} {"),
    ],
)
def test_a_template_is_translated(text, expected):
    assert translate(text) == expected


@pytest.mark.parametrize(
    "text",
    ["{{", "{{.a", "{{if .a}}b{{end}}", "{{.a | html}}", "{{len .a}}", "{{}}", '{{"a"}}', "{{a}}",
     "{{.a-b}}", "{{..}}", "{{range .items}}", "{{index . 0}}"],
)  # fmt: skip
def test_what_is_more_than_a_field_is_refused(text):
    with pytest.raises(Untranslatable):
        translate(text)


@given(st.text())
def test_any_text_is_translated_or_refused_and_no_expression_comes_of_text(text):
    try:
        made = translate(text)
    except Untranslatable:
        assert "{{" in text
        return
    if "{{" not in text:
        assert made.replace("$${", "${") == text
        assert made.count("${") == made.count("$${")


def test_time_is_linear():
    for text in ("{{" * 100_000, " " * 100_000 + "{{.a}}", "{{-" + " " * 100_000):
        with pytest.raises(Untranslatable):
            translate(text + "{{")
    with pytest.raises(Untranslatable):
        duration("1" * 1_000_000)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (1_000_000_000, "1s"),
        (60_000_000_000, "1m"),
        (1_500_000_000, "1.5s"),
        (250_000_000, "250ms"),
        (2 * 86_400_000_000_000, "2d"),
        (0, "0s"),
        ("0", "0s"),
        ("3s", "3s"),
        ("90s", "90s"),
        ("1h30m", "90m"),
        ("1m30s", "90s"),
        ("+1.5h", "90m"),
        ("2562ms", "2.562s"),
        ("14 days", "14d"),
        ("2 weeks", "14d"),
        ("1 day, 12 hours", "36h"),
        ("1500us", "1.5ms"),
        ("5 Minutes", "5m"),
        (".5s", "500ms"),
    ],
)
def test_a_duration_is_written_as_redflow_reads_it(given, expected):
    assert duration(given) == expected
    assert seconds(expected) >= 0


@pytest.mark.parametrize(
    "given",
    [None, True, [], "", "soon", "5", "5 5", "s", "1 fortnight", "-1s", -1, 5, "10ns", 1e30,
     float("nan"), "1s and", "999999999999999h"],
)  # fmt: skip
def test_what_is_no_duration_is_refused(given):
    with pytest.raises(Untranslatable):
        duration(given)


@given(st.integers(1, 10 * 365 * 86_400_000))
def test_no_millisecond_is_lost(milliseconds):
    assert seconds(duration(milliseconds * 1_000_000)) == pytest.approx(milliseconds / 1000, 1e-12)
