"""What the documentation needs besides building: a page for every package, and pages that others lead to."""

import pytest

from tools.workspace import ROOT, Member, members

DOCS = ROOT / "docs"


@pytest.mark.parametrize("member", members(), ids=str)
def test_every_member_has_a_page(member: Member) -> None:
    folder = member.folder.relative_to(ROOT).as_posix()
    assert f"{{include}} ../../{folder}/README.md" in (DOCS / "packages" / f"{member}.md").read_text(encoding="utf-8")


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8").splitlines()
    pages = {
        path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md") if "_build" not in path.parts
    }
    assert pages - {"index"} <= set(index)
