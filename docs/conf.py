"""The documentation site: `nox -s docs`. Pages that stand elsewhere in the repository are included, not copied."""

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.workspace import Member, members  # noqa: E402 - the path is set just above

project = "g3 for Python"
copyright = "the g3 for Python authors"
author = "the g3 for Python authors"
release = Member(ROOT).project["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"g3 for Python {release}"
html_copy_source = False
html_show_sourcelink = False
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_class_signature = "separated"
autodoc_default_options = {"exclude-members": "__init__, __new__"}
python_use_unqualified_type_names = True

LINK = re.compile(r"\[([^\]]*)\]\((?!https?://|#)([^)#\s]*)(#[^)]*)?\)")


def pages() -> dict[Path, str]:
    """The page of the site for each file that has one."""
    here = ROOT / "docs"
    found = {path: path.relative_to(here).as_posix() for path in here.rglob("*.md") if "_build" not in path.parts}
    found |= {member.folder / "README.md": f"packages/{member}.md" for member in members()}
    found |= {member.folder: f"packages/{member}.md" for member in members()}
    found |= {ROOT / f"{name.upper()}.md": f"{name}.md" for name in ("architecture", "contributing", "changelog")}
    found |= {ROOT / "README.md": "index.md"}
    return found


def point_into_the_site(text: str, file: Path) -> str:
    """Links that lead from a file to another lead to its page; where there is none, the path is told."""

    def link(found: re.Match[str]) -> str:
        title, target, anchor = found.groups(default="")
        path = (file.parent / target).resolve()
        page = pages().get(path)
        if page is not None:
            return f"[{title}](/{page}{anchor})"
        name = path.relative_to(ROOT).as_posix()
        return title if title.strip("`/") == name else f"{title} (`{name}`)"

    return LINK.sub(link, text)


def on_include(app: Any, path: Path, document: str, content: list[str]) -> None:
    content[0] = point_into_the_site(content[0], (ROOT / "docs" / path).resolve())


def on_source(app: Any, document: str, content: list[str]) -> None:
    content[0] = point_into_the_site(content[0], ROOT / "docs" / f"{document}.md")


def setup(app: Any) -> None:
    app.connect("include-read", on_include)
    app.connect("source-read", on_source)
