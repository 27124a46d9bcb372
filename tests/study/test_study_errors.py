"""A study file that is wrong is refused with the file, the key, the value and the mend."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

from pathlib import Path

import pytest

from simframe.errors import StudyError
from simframe.study import load_study

GREEN = '{ code = 2, label = "somewhat" }'

EDITS = [
    # (name, what to change in the park study, into what, what the error has to say)
    ("unknown key", 'label = "Age"', 'labl = "Age"', ["item[1] 'age'.labl", "unknown key", "'Age'", "did you mean 'label'"]),
    ("unknown table", "[[crossing]]", "[[crosing]]", ["crosing", "unknown key", "did you mean 'crossing'"]),
    ("unknown key of an option", 'label = "never"', 'lable = "never"', ["item[4] 'visits'.options[1] 0.lable", "did you mean 'label'"]),
    ("unknown key of a bin", "max = 39", "maxx = 39", ["item[1] 'age'.bins[1] 'young'.maxx", "did you mean 'max'"]),
    ("unknown key of the split", "rectify = 6", "rectfy = 6", ["split.rectfy", "did you mean 'rectify'"]),
    ("people in quotes", "pilot = 12", 'pilot = "12"', ["split.pilot", "'12' is no whole number", "write a whole number"]),
    ("a seed that is true", "seed = 7", "seed = true", ["split.seed", "True is no whole number"]),
    ("no label", 'label = "Home"\n', "", ["item[2] 'home'.label", "is missing", "add 'label'"]),
    ("empty title", 'title = "A park"', 'title = " "', ["title", "at least 1 character"]),
    ("scale", '"ordinal"', '"ordnial"', ["item[3] 'green'.scale", "'ordnial'", "'nominal', 'ordinal', 'interval' or 'text'"]),
    ("role", 'role = "belief"', 'role = "beleif"', ["item[3] 'green'.role", "'beleif'", "'belief'"]),
    ("no options", 'options = [{ code = 0, label = "never", value = 0 }, { code = 1, label = "often", value = 1 }]', "",
     ["item[4] 'visits'", "has no options", "list its options"]),
    ("no range", "range = [18, 99]\n", "", ["item[1] 'age'", "every option of 'age' is missing"]),
    ("range upside down", "[18, 99]", "[99, 18]", ["range [99.0, 18.0] of 'age' is empty", "[lowest, highest]"]),
    ("range without end", "[18, 99]", "[18, inf]", ["item[1] 'age'.range", "inf"]),
    ("step without range", 'column = "q1"', 'column = "q1"\nstep = 2', ["item[3] 'green'", "step of 2 and no range", "add range"]),
    ("step of nought", "range = [18, 99]", "range = [18, 99]\nstep = 0", ["item[1] 'age'.step", "greater than 0"]),
    ("text of an option that is no arm's", GREEN, '{ code = 2, label = "somewhat", text = "Read" }', ["belief item 'green' has a text", "only arms"]),
    ("text with options", '"ordinal"', '"text"', ["text item 'green' has options", "any text is an answer"]),
    ("range beside options", 'column = "q1"', 'column = "q1"\nrange = [1, 3]', ["'green'", "range [1.0, 3.0] beside its options"]),
    ("code twice", GREEN, '{ code = 1, label = "somewhat" }', ["item[3] 'green'", "code '1'", "two options"]),
    ("code twice in two spellings", GREEN, '{ code = "1", label = "somewhat" }', ["code '1'", "two options"]),
    ("alias is another's code", '"YES!"', '"2"', ["code '2' of 'green'", "two options"]),
    ("code is true", GREEN, '{ code = true, label = "somewhat" }', ["item[3] 'green'.options[2]", "True is not a code"]),
    ("code is empty", GREEN, '{ code = "", label = "somewhat" }', ["item[3] 'green'.options[2]", "code"]),
    ("code is a date", GREEN, '{ code = 2020-01-01, label = "x" }', ["datetime.date(2020, 1, 1) is not a code"]),
    ("code with a tab", GREEN, '{ code = "a\\tb", label = "x" }', ["'a\\tb' is not a code", "visible"]),
    ("values fall", GREEN, '{ code = 0, label = "somewhat" }', ["values [1.0, 0.0, 3.0] of 'green' do not rise", "lowest to highest"]),
    ("one value given", GREEN, '{ code = 2, label = "somewhat", value = 2 }', ["values [None, 2.0, None]", "do not rise"]),
    ("value is a word", "value = 1 }", 'value = "one" }', ["item[4] 'visits'.options[2] 1.value", "'one'"]),
    ("bins overlap", "min = 40", "min = 39", ["bin 'old' of 'age' overlaps", "rising order"]),
    ("bin is empty", "{ code = \"old\", label = \"40 and over\", min = 40 }", '{ code = "old", label = "x", min = 50, max = 40 }', ["bin 'old'", "empty"]),
    ("bin twice", '"old", label = "40', '"young", label = "40', ["bins of 'age' repeat a code", "['young', 'young']"]),
    ("bin of an unknown option", 'column = "q1"', 'column = "q1"\nbins = [{ code = "a", label = "a", codes = [4] }]',
     ["bin 'a' of 'green' names no option: '4'", "known: ['1', '2', '3']"]),
    ("bin of a missing option", 'column = "q1"', 'column = "q1"\nbins = [{ code = "a", label = "a", codes = [9] }]', ["names no option: '9'"]),
    ("option in two bins", 'column = "q1"', 'column = "q1"\nbins = [{ code = "a", label = "a", codes = [1] }, { code = "b", label = "b", codes = [1] }]',
     ["option '1' of 'green' stands in two bins"]),
    ("option bins by range", 'column = "q1"', 'column = "q1"\nbins = [{ code = "a", label = "a", max = 2 }]', ["bin 'a' of 'green' needs codes"]),
    ("subgroup without levels", 'id = "score"', 'id = "score"\nsubgroup = true\ncolumn = "s"', ["'score'", "options or a column"]),
    ("implied action", "3 = 1", "3 = 7", ["pair 'walk'", "implied action '7' names no option of 'visits'", "known: 0, 1"]),
    ("implying belief", "3 = 1", "5 = 1", ["pair 'walk'", "belief '5' names no option of 'green'"]),
    ("belief is missing option", "3 = 1", "9 = 1", ["pair 'walk'", "belief '9' names no option"]),
    ("nothing implied", "{ 1 = 0, 3 = 1 }", "{}", ["pair[1] 'walk'.implies"]),
    ("pair of no item", 'action = "visits"', 'action = "visit"', ["pair 'walk' names no item", "'visit'", "did you mean 'visits'"]),
    ("control of no item", "3 = 1 }", '3 = 1 }\ncontrols = ["hom"]', ["pair 'walk' names no item", "'hom'", "did you mean 'home'"]),
    ("control of the pair itself", "3 = 1 }", '3 = 1 }\ncontrols = ["green"]', ["pair 'walk'", "control 'green' is one of the pair"]),
    ("control twice", "3 = 1 }", '3 = 1 }\ncontrols = ["home", "home"]', ["pair 'walk' lists a control twice"]),
    ("control without levels", "[[crossing]]",
     '[[item]]\nid = "sum"\nlabel = "s"\nscale = "interval"\nrole = "outcome"\nexpression = "age + visits"\n\n'
     '[[pair]]\nid = "p"\nlabel = "p"\nbelief = "green"\naction = "visits"\nimplies = { 1 = 0 }\ncontrols = ["sum"]\n\n[[crossing]]',
     ["pair 'p'", "control 'sum' has neither options nor bins", "give it bins"]),
    ("structure of no item", '["green", "visits"]', '["green", "vists"]', ["structure 'both'", "'vists'", "did you mean 'visits'"]),
    ("structure of one", '["green", "visits"]', '["green"]', ["structure[1] 'both'.items", "at least 2"]),
    ("structure twice the same", '["green", "visits"]', '["green", "green"]', ["structure 'both' lists 'green' twice"]),
    ("crossing of no item", '["age", "home"]', '["age", "hom"]', ["crossing", "'hom'", "did you mean 'home'"]),
    ("crossing of no subgroup", '["age", "home"]', '["age", "green"]', ["crossing uses 'green'", "subgroup = true"]),
    ("crossing with itself", '["age", "home"]', '["age", "age"]', ["crosses 'age' with itself"]),
    ("crossing twice", '["age", "home"]', '["age", "home"]\n[[crossing]]\nattributes = ["home", "age"]', ["crossing id 'age*home' stands twice"]),
    ("star in a crossed level", '"young"', '"yo*ung"', ["level 'yo*ung'", "*"]),
    ("formula of no item", "green + age", "green + wealth", ["regression 'visit'", "'wealth'", "names no item"]),
    ("formula imports", "green + age", "__import__('os').system('true')", ["regression 'visit'", "__import__"]),
    ("formula reads an attribute", "green + age", "green.real", ["regression 'visit'", "'.'"]),
    ("formula indexes", "green + age", "green[0]", ["regression 'visit'", "'['"]),
    ("formula calls", "green + age", "eval(green)", ["regression 'visit'", "calls 'eval'"]),
    ("formula of dunders", "green + age", "green + __builtins__", ["regression 'visit'", "__builtins__"]),
    ("formula without tilde", "visits ~ green", "visits + green", ["regression 'visit'", "no formula"]),
    ("formula with two tildes", "visits ~ green", "visits ~ green ~ age", ["regression 'visit'", "exactly one ~"]),
    ("formula breaks off", "C(home)", "C(home", ["regression 'visit'", "breaks off", "bracket"]),
    ("formula without a sign", "green + age", "green age", ["regression 'visit'", "breaks off"]),
    ("formula of nothing", "C(home)", "C()", ["regression 'visit'", "brackets around nothing"]),
    ("base of no option", "C(home)", "C(home, 'tent')", ["regression 'visit'", "base 'tent' is none of C(home)", "flat, house"]),
    ("base is an alias", "C(home)", "C(home, 'apartment')", ["base 'apartment' is none of C(home)"]),
    ("base is missing option", "C(home)", "C(green, '9')", ["base '9' is none of C(green)", "1, 2, 3"]),
    ("base of no bin", "C(home)", "bin(age, 'ancient')", ["base 'ancient' is none of bin(age)", "old, young"]),
    ("bin of no bins", "C(home)", "bin(home)", ["bin(home)", "'home' has no bins", "C(home)"]),
    ("bin of a number", "C(home)", "bin(2)", ["too much between brackets", "bin(item)"]),
    ("two bases", "C(home)", "C(home, 'flat') + green:C(home, 'house')", ["gives C(home) two bases"]),
    ("base without quotes", "C(home)", "C(home, flat)", ["too much between brackets", 'C(item, "code")']),
    ("two codes", "C(home)", "C(home, 'flat', 'house')", ["too much between brackets"]),
    ("base of a function", "C(home)", "abs(green, 'x')", ["too much between brackets"]),
    ("text without category", "C(home)", "'home'", ["'home', which is no base"]),
    ("texts side by side", "C(home)", "C(home, 'fl' 'at')", ["'at', which is no base"]),
    ("comma", "green + age", "green, age", ["too much between brackets"]),
    ("outcome is no item", "visits ~", "abs(visits) ~", ["outcome 'abs(visits)' is no item", "derived"]),
    ("logit of three", "visits ~ green", "green ~ visits", ["outcome 'green' has 3 options", "two", '"green >= 1"']),
    ("logit of a derived number", "visits ~ green", "score ~ green", ["outcome 'score' has 0 options", "comparison"]),
    ("family", '"logit"', '"probit"', ["regression[1] 'visit'.family", "'probit'", "'logit'"]),
    ("cluster undeclared", 'family = "logit"', 'family = "logit"\ncovariance = "cluster"', ["covariance is cluster", "data.cluster"]),
    ("expression of no item", "abs(green - 2)", "abs(gren - 2)", ["expression of item 'score'", "'gren'", "did you mean 'green'"]),
    ("expression of a later item", 'id = "home"\n', 'id = "home"\nexpression = "visits + 1"\n', ["item[2] 'home'", "options or a column"]),
    ("expression of a nominal item", "abs(green - 2)", "abs(home - 2)", ["uses 'home', which has no values"]),
    ("expression imports", "abs(green - 2)", "__import__('os').getpid()", ["item[5] 'score'", "uses Call"]),
    ("expression attribute", "abs(green - 2)", "green.real", ["item[5] 'score'", "uses Attribute"]),
    ("expression lambda", "abs(green - 2)", "(lambda: 1)()", ["item[5] 'score'", "uses Call"]),
    ("expression syntax", "abs(green - 2)", "abs(green - 2", ["item[5] 'score'", "is not an expression (SyntaxError)"]),
    ("expression adds a text", "abs(green - 2)", "(green + 'a')", ["item 'score'", "cannot be computed"]),
    ("expression is a text", "abs(green - 2) * (age - 18) / 10 + visits", "'a'", ["item 'score'", "gives no number"]),
    ("expression of and", "abs(green - 2)", "(green and 2)", ["item 'score'", "cannot be computed"]),
    ("expression without end", "abs(green - 2)", "+".join(["green"] * 1000), ["more than 2000"]),
    ("expression too deep", "abs(green - 2)", "-" * 500 + "green", ["nested more than 100 deep"]),
    ("wave of no item", '"age >= 60"', '"agee >= 60"', ["split.wave", "'agee'", "did you mean 'age'"]),
    ("wave is a number", '"age >= 60"', '"age + 60"', ["split.wave", "neither true nor false"]),
    ("wave compares text with number", '"age >= 60"', '"home == 1"', ["split.wave", "cannot be computed"]),
    ("wave attribute", '"age >= 60"', '"age.__class__"', ["split.wave", "uses Attribute"]),
    ("pilot of nobody", "pilot = 12", "pilot = 0", ["split.pilot", "0", "at least 1"]),
    ("seed past every table", "seed = 7", f"seed = {10**30}", ["split.seed", "less than"]),
    ("seed below nought", "seed = 7", "seed = -1", ["split.seed", "-1", "at least 0"]),
    ("seed is a text", "seed = 7", 'seed = "x"', ["split.seed", "'x' is no whole number"]),
    ("outcome among its terms", "visits ~ green", "visits ~ visits + green", ["explains 'visits' by itself"]),
    ("crossing of one", '[[crossing]]', '[[crossing]]\nattributes = ["age"]\n[[crossing]]', ["crossing[1].attributes[2]", "needs 2"]),
    ("study id", 'id = "park"', 'id = "Park life"', ["'Park life' cannot be the id of a study", "[a-z]"]),
    ("study id climbs", 'id = "park"', 'id = "../park"', ["'../park' cannot be the id of a study"]),
    ("study id ends in a newline", 'id = "park"', 'id = "pa\\nrk"', ["cannot be the id of a study"]),
    ("item id with a quote", 'id = "age"', "id = 'age\"'", ["item[1]", "cannot be the id of an item"]),
    ("reserved item id", 'id = "age"', 'id = "Weight"', ["item[1] 'Weight'.id", "warehouse uses itself", "another id"]),
    ("item all", 'id = "age"', 'id = "all"', ["'all' is a name the warehouse uses itself"]),
    ("item twice", 'id = "age"', 'id = "HOME"', ["item id 'home' stands twice"]),
    ("item named like a label column", 'id = "age"', 'id = "home_label"', ["'home_label'", "column of labels of item 'home'"]),
    ("unknown threshold", "[[crossing]]", "[thresholds]\nsmall_grop = 9\n\n[[crossing]]", ["thresholds.small_grop", "did you mean 'small_group'"]),
    ("threshold out of range", "[[crossing]]", "[thresholds]\nsign_f1 = 1.5\n\n[[crossing]]", ["thresholds.sign_f1: 1.5 is not at most 1", "write a number"]),
    ("small group of nobody", "[[crossing]]", "[thresholds]\nsmall_group = 0\n\n[[crossing]]", ["thresholds.small_group: 0 is not at least 1"]),
    ("margin of nothing", "[[crossing]]", "[thresholds]\nmarginals_margin = 0\n\n[[crossing]]", ["thresholds.marginals_margin: 0 is not greater than 0"]),
    ("threshold is no number", "[[crossing]]", "[thresholds]\nindividuals_r = nan\n\n[[crossing]]", ["thresholds.individuals_r: nan"]),
    ("threshold is a word", "[[crossing]]", '[thresholds]\nsmall_group = "ten"\n\n[[crossing]]', ["thresholds.small_group: 'ten' is no whole number"]),
    ("crossing of three", '["age", "home"]', '["age", "home", "visits"]', ["crossing[1].attributes", "at most 2 items"]),
    ("missing policy", 'column = "q1"', 'column = "q1"\nmissing = "drop"', ["item[3] 'green'.missing", "'drop'", "'exclude' or 'category'"]),
    ("category of nothing", 'id = "visits"', 'id = "visits"\nmissing = "category"', ["'visits' counts missing options as a category, and has none"]),
    ("category beside a range", "range = [18, 99]", 'range = [18, 99]\nmissing = "category"', ["'age' counts missing options as a category beside no options"]),
    ("category with a value", 'missing = true },\n]\n\n[[item]]\nid = "visits"', 'missing = true, value = 4 },\n]\nmissing = "category"\n\n[[item]]\nid = "visits"', ["a missing option of 'green' has a value"]),
    ("items is no list", "[[crossing]]", "[crossing]", ["crossing", "is no list", "[[...]]"]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "parts"), [edit[1:] for edit in EDITS], ids=[edit[0] for edit in EDITS])
def test_error_names_file_key_value_and_mend(
    park_text: str, tmp_path: Path, before: str, after: str, parts: list[str]
) -> None:
    assert before in park_text
    path = tmp_path / "bad park.toml"
    path.write_text(park_text.replace(before, after, 1), "utf-8")
    with pytest.raises(StudyError) as caught:
        load_study(path)
    text = str(caught.value)
    for part in (str(path), "mend: ", *parts):
        assert part in text


WHOLE = [
    ("no TOML", b"[study\n", ["not valid TOML", "line 1", "correct the line"]),
    ("empty file", b"", ["no [study] table", "begin with [study]"]),
    ("study is a number", b"study = 3", ["no [study] table"]),
    ("no items", b'[study]\nid = "a"\ntitle = "a"', ["item", "is missing"]),
    ("not UTF-8", b'[study]\nid = "\xe9"', ["not UTF-8 text at byte 14", "save the file as UTF-8"]),
    ("UTF-16", '[study]\nid = "a"'.encode("utf-16"), ["not UTF-8 text at byte 0"]),
    ("a Parquet file", b"PAR1\x00\x01\x02\xff", ["not UTF-8"]),
    ("nested without end", b"[study]\nid = " + b"[" * 20000 + b"]" * 20000, ["not valid TOML"]),
    ("part stands twice", b'[study]\nid = "a"\n[study.split]\nseed = 1\n[split]\nseed = 2', ["split", "stands both", "keep one"]),
]  # fmt: skip


@pytest.mark.parametrize(("content", "parts"), [case[1:] for case in WHOLE], ids=[case[0] for case in WHOLE])
def test_a_file_that_is_no_study(tmp_path: Path, content: bytes, parts: list[str]) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(StudyError) as caught:
        load_study(path)
    for part in (str(path), "mend: ", *parts):
        assert part in str(caught.value)


def test_every_problem_is_told_at_once(park_text: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(park_text.replace('label = "Age"', 'labl = "Age"').replace('"ordinal"', '"ordered"'), "utf-8")
    with pytest.raises(StudyError) as caught:
        load_study(path)
    text = str(caught.value)
    assert "3 problems" in text
    for part in ("'age'.labl: unknown key", "'age'.label: is missing", "'green'.scale: 'ordered' is not allowed"):
        assert part in text


@pytest.mark.parametrize("name", ["absent.toml", "a" * 300, "a\x00b", ""])
def test_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such study file"):
        load_study(tmp_path / name)


def test_byte_order_mark_is_welcome(park_text: str, tmp_path: Path) -> None:
    path = tmp_path / "bom.toml"
    path.write_bytes(b"\xef\xbb\xbf" + park_text.encode())
    assert load_study(path).id == "park"
