from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.texts.catalog import CATALOGS, compiled, languages, served, translations
from bot.texts.words import Words
from tests.catalogs import check, main, write

CODE = '''
"""Says things."""
words.say("Hello {name}", name=bold(words.text("dear {title}", title=words.plural("{n} one", "{n} ones", 2))))
# Translators: how many
# are there
words.plural("one viewer", "{n} viewers", n, unit=words.text("nested"))
LABELS = {"a": N_("a label"), "b": N_("{n} b", "{n} bs")}
words.say("yes" if good else "no")
words.say("50 % done, " "in two pieces")
words.say(variable, n="not a sentence")
answer.text(encoding="utf-8")
answer.text()
other("not said")
'''
SENTENCES = {
    "Hello {name}",
    "dear {title}",
    "{n} one",
    "one viewer",
    "nested",
    "a label",
    "{n} b",
    "yes",
    "no",
    "50 % done, in two pieces",
}

Translate = Callable[..., None]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one file that says things."""
    (tmp_path / "bot" / "texts").mkdir(parents=True)
    (tmp_path / "handlers").mkdir()
    (tmp_path / "bot" / "texts" / "said.py").write_text(CODE)
    write(tmp_path, tmp_path / "catalogs")
    return tmp_path


@pytest.fixture
def catalogs(root: Path) -> Path:
    return root / "catalogs"


@pytest.fixture
def translate(root: Path, catalogs: Path) -> Translate:
    """Start a language and put words into it."""

    def start(language: str, **said: str) -> None:
        (catalogs / language / "LC_MESSAGES").mkdir(parents=True, exist_ok=True)
        write(root, catalogs)
        path = catalogs / language / "LC_MESSAGES" / "milepost.po"
        text = path.read_text()
        for before, after in said.items():
            found = {
                "hello": 'msgid "Hello {name}"\nmsgstr "',
                "one": 'msgid_plural "{n} viewers"\nmsgstr[0] "',
                "many": 'msgstr[1] "',
            }[before]
            start, mark, end = text.partition('msgid "one viewer"') if before == "many" else ("", "", text)
            assert found in end
            text = start + mark + end.replace(found, found + after, 1)
        path.write_text(text)

    return start


# At run time


def test_the_english_catalog_is_there_and_is_loaded() -> None:
    assert "en" in languages()
    assert compiled("en").is_file()
    assert "en" in translations("en").info()["language"]
    assert (CATALOGS / "milepost.pot").is_file()


def test_the_nearest_catalog_serves_a_language(catalogs: Path, translate: Translate) -> None:
    translate("es")
    translate("pt_BR")
    write(catalogs.parent, catalogs)
    assert languages(catalogs) == ("en", "es", "pt_BR")
    wanted = ("es", "es-MX", "ES_ar", "pt-br", "pt", "xx", "", "../es", "en-US")
    assert [served(tag, catalogs) for tag in wanted] == [
        "es", "es", "es", "pt_BR", "en", "en", "en", "en", "en",
    ]  # fmt: skip


def test_translations_are_kept_in_memory() -> None:
    assert translations("en") is translations("en-GB")


def test_without_any_catalog_the_code_speaks(tmp_path: Path) -> None:
    assert Words("es", catalogs=tmp_path).text("Hello {name}", name="Ali") == "Hello Ali"


def test_english_wording_can_be_changed_and_serves_where_a_language_has_none(
    root: Path, catalogs: Path, translate: Translate
) -> None:
    translate("en", hello="Good evening, {name}")
    translate("es", one="un espectador", many="{n} espectadores")
    assert write(root, catalogs).wrong == []
    assert Words("en", catalogs=catalogs).text("Hello {name}", name="Ali") == "Good evening, Ali"
    spanish = Words("es", catalogs=catalogs)
    assert spanish.text("Hello {name}", name="Ali") == "Good evening, Ali"
    assert [spanish.plural("one viewer", "{n} viewers", n)[0].text for n in (1, 2_000)] == [
        "un espectador",
        "2.000 espectadores",
    ]


def test_the_catalog_tools_stay_out_of_the_running_bot() -> None:
    program = (
        "import sys, bot.texts.words as w; w.Words().text('{n} s', n='1'); w.Words().date(0); "
        "sys.exit(any(name.startswith('babel.messages') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


# From the code to the catalogs


def test_every_sentence_is_found(catalogs: Path) -> None:
    text = (catalogs / "milepost.pot").read_text()
    found = {line[7:-1] for line in text.splitlines() if line.startswith('msgid "') and line != 'msgid ""'}
    assert found == SENTENCES
    assert 'msgid "one viewer"\nmsgid_plural "{n} viewers"' in text
    assert "#. how many\n#. are there\n#: bot/texts/said.py" in text


def test_what_was_written_passes_the_check_and_is_the_same_again(root: Path, catalogs: Path) -> None:
    report = check(root, catalogs)
    assert report.wrong == []
    assert report.notes == ["en: 10 sentences, as they stand in the code"]
    before = {path: path.read_bytes() for path in catalogs.rglob("*.*")}
    write(root, catalogs)
    assert {path: path.read_bytes() for path in catalogs.rglob("*.*")} == before
    assert len(before) == 3


def test_moved_lines_change_nothing(root: Path, catalogs: Path) -> None:
    (root / "bot" / "texts" / "said.py").write_text("\n\n\n" + CODE)
    assert check(root, catalogs).wrong == []


@pytest.mark.parametrize("stale", ["milepost.pot", "en/LC_MESSAGES/milepost.po", "en/LC_MESSAGES/milepost.mo"])
def test_a_stale_file_is_refused_with_the_command_that_mends_it(
    root: Path, catalogs: Path, stale: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (catalogs / stale).write_bytes(b"")
    arguments = ["--root", str(root), "--catalogs", str(catalogs)]
    assert main(["--check", *arguments]) == 1
    assert f"{stale} is not what the code gives: run make catalogs" in capsys.readouterr().err
    assert main(["--write", *arguments]) == 0
    assert main(["--check", *arguments]) == 0


def test_a_new_sentence_makes_the_catalogs_stale(root: Path, catalogs: Path) -> None:
    (root / "handlers" / "new.py").write_text('words.say("A new one")\n')
    assert len(check(root, catalogs).wrong) == 3 - 1  # nothing translated: the compiled catalog stays


def test_translations_stay_and_gaps_are_listed(root: Path, catalogs: Path, translate: Translate) -> None:
    translate("es", hello="Hola {name}")
    report = write(root, catalogs)
    assert report.wrong == []
    assert report.notes[1].startswith("es: 9 of 10 sentences missing:\n")
    assert "\n  {n} viewers" in report.notes[1]
    assert "Hello" not in report.notes[1]
    assert check(root, catalogs).wrong == []


def test_a_translation_outlives_its_sentence_and_comes_back_with_it(
    root: Path, catalogs: Path, translate: Translate
) -> None:
    translate("es", hello="Hola {name}")
    write(root, catalogs)
    said = root / "bot" / "texts" / "said.py"
    said.write_text('words.say("Something else altogether")\n')
    for _ in range(2):
        assert write(root, catalogs).notes[1].startswith("es: 1 of 1")
        assert check(root, catalogs).wrong == []
    assert '#~ msgstr "Hola {name}"' in (catalogs / "es/LC_MESSAGES/milepost.po").read_text()
    said.write_text(CODE)
    assert write(root, catalogs).notes[1].startswith("es: 9 of 10")
    assert "#~" not in (catalogs / "es/LC_MESSAGES/milepost.po").read_text()
    assert check(root, catalogs).wrong == []


def test_a_reworded_sentence_leaves_its_translation_as_a_hint_only(
    root: Path, catalogs: Path, translate: Translate
) -> None:
    translate("es", hello="Hola {name}")
    write(root, catalogs)
    said = root / "bot" / "texts" / "said.py"
    said.write_text(CODE.replace("Hello {name}", "Hello, {name}"))
    assert write(root, catalogs).notes[1].startswith("es: 10 of 10")
    assert "fuzzy" in (catalogs / "es/LC_MESSAGES/milepost.po").read_text()
    assert check(root, catalogs).wrong == []
    assert Words("es", catalogs=catalogs).text("Hello, {name}", name="Ali") == "Hello, Ali"


# What is refused


@pytest.mark.parametrize("said", ["Hola", "Hola {nombre}", "Hola {name} {name2}", "Hola {Name}", "Hola { name }"])
def test_a_translation_with_other_placeholders_is_refused(
    root: Path, catalogs: Path, translate: Translate, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    translate("es", hello=said)
    write(root, catalogs)
    assert main(["--check", "--root", str(root), "--catalogs", str(catalogs)]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("es: the translation of 'Hello {name}' has ")
    assert said in complaint
    assert "run make catalogs" not in complaint


@pytest.mark.parametrize(
    ("language", "said", "good"),
    [
        ("es", ("un espectador", "{n} espectadores"), True),
        ("es", ("{n} espectador", "{n} espectadores"), True),
        ("es", ("un espectador", "espectadores"), False),
        ("es", ("{m} espectador", "{n} espectadores"), False),
        ("fr", ("un spectateur", "{n} spectateurs"), False),  # would be said of none, too
        ("fr", ("{n} spectateur", "{n} spectateurs"), True),
    ],
)
def test_only_the_form_of_a_single_number_may_leave_the_number_out(
    catalogs: Path, translate: Translate, language: str, said: tuple[str, str], good: bool
) -> None:
    one, many = said
    translate(language, one=one, many=many)
    assert (write(catalogs.parent, catalogs).wrong == []) is good


def test_the_only_form_of_korean_needs_the_number(root: Path, catalogs: Path, translate: Translate) -> None:
    translate("ko", one="시청자")
    (complaint,) = write(root, catalogs).wrong
    assert complaint.startswith("ko: the translation of '{n} viewers' has no placeholder where")


def test_a_catalog_that_cannot_be_read_is_named(root: Path, catalogs: Path, translate: Translate) -> None:
    translate("es")
    path = catalogs / "es" / "LC_MESSAGES" / "milepost.po"
    path.write_text(path.read_text() + "\nmsgid nonsense\n")
    (complaint,) = check(root, catalogs).wrong
    assert complaint.startswith(f"es: {path} cannot be read")


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ('words.say(f"Hello {name}")', "bot/bad.py:1: say() cannot translate an f-string"),
        ('words.text("Hello " + name)', "bot/bad.py:1: text() cannot translate an f-string"),
        ('words.plural("{n} of {a}", "{n} of {b}", 2)', "bot/bad.py: '{n} of {a}' and '{n} of {b}' have"),
        ('N_("{n} b", "{n} other")', "bot/texts/said.py:7: '{n} b' has another plural elsewhere"),
        ("words.say(", "bot/bad.py:1: not Python"),
    ],
)
def test_code_that_cannot_be_translated_is_refused(root: Path, catalogs: Path, said: str, complaint: str) -> None:
    (root / "bot" / "bad.py").write_text(said)
    assert any(line.startswith(complaint) for line in write(root, catalogs).wrong)
