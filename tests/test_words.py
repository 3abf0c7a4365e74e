"""What must not stand in any file of the project: places on somebody's machine, other registries, left-overs."""

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from tools.workspace import ROOT, project_files

LOCK = ROOT / "uv.lock"
REGISTRY = "https://pypi.org/simple"
FILES = "files.pythonhosted.org"
BIGGEST = 1 << 20

# Written in two parts, so that this file passes its own test.
WORDS = {
    "a path on one machine": re.compile(r"/(?:ro" + r"ot|wo" + r"rk|ho" + r"me|Us" + r"ers)/\w"),
    "a merge that was not finished": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
    "a promise instead of code": re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b"),
}
# Places that every machine has, in text that says where an operator may put things.
ALLOWED = re.compile(r"/home/(?:user|g3|g3proxy)\b")


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in project_files():
        if path == LOCK:
            continue
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            assert path.suffix not in (".py", ".md", ".toml", ".yaml", ".yml"), f"{path} is not UTF-8"
    return found


def test_words() -> None:
    mistakes = []
    for path, text in texts():
        for meaning, word in WORDS.items():
            for found in word.finditer(ALLOWED.sub("", text)):
                line = text.count("\n", 0, found.start()) + 1
                mistakes.append(f"{path.relative_to(ROOT)}:{line}: {found.group().strip()} is {meaning}")
    assert mistakes == []


def test_every_locked_file_comes_from_the_public_registry() -> None:
    lock = tomllib.loads(LOCK.read_text(encoding="utf-8"))
    strangers = []
    for package in lock["package"]:
        source = package["source"]
        if not (source == {"registry": REGISTRY} or source.keys() <= {"editable", "virtual"}):
            strangers.append(f"{package['name']}: {source}")
        files = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
        strangers += [file["url"] for file in files if urlsplit(file["url"]).netloc != FILES]
        strangers += [f"{file['url']}: no hash" for file in files if not file["hash"].startswith("sha256:")]
    assert strangers == []


def test_no_file_is_huge() -> None:
    assert [path for path in project_files() if path != LOCK and path.stat().st_size > BIGGEST] == []
