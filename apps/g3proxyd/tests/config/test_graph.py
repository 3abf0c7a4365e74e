"""The graph of objects."""

from pathlib import Path

import pytest
from g3proxyd.config import CAresConfig, Config, DirectFixedConfig, DummyCloseConfig, DummyDenyConfig, HttpProxyConfig
from g3proxyd.config.graph import FORMATS, draw

CONFIG = Config(
    path=Path("main.yml"),
    servers={"a/b.c": HttpProxyConfig(name="a/b.c", escaper="名"), "end": DummyCloseConfig(name="end")},
    escapers={"名": DirectFixedConfig(name="名", resolver="dns"), "deny": DummyDenyConfig(name="deny")},
    resolvers={"dns": CAresConfig(name="dns")},
)


def test_graphviz() -> None:
    assert (
        draw(CONFIG, "graphviz")
        == """\
digraph g3proxyd {
  rankdir=LR; node [shape=box];
  subgraph cluster_server { label="server";
    server_0 [label="a/b.c"];
    server_1 [label="end"];
  }
  subgraph cluster_escaper { label="escaper";
    escaper_2 [label="名"];
    escaper_3 [label="deny"];
  }
  subgraph cluster_resolver { label="resolver";
    resolver_4 [label="dns"];
  }
  server_0 -> escaper_2;
  escaper_2 -> resolver_4 [style=dotted];
}
"""
    )


def test_mermaid() -> None:
    assert (
        draw(CONFIG, "mermaid")
        == """\
flowchart LR
  subgraph server
    server_0["a/b.c"]
    server_1["end"]
  end
  subgraph escaper
    escaper_2["名"]
    escaper_3["deny"]
  end
  subgraph resolver
    resolver_4["dns"]
  end
  server_0 --> escaper_2
  escaper_2 -.-> resolver_4
"""
    )


def test_plantuml() -> None:
    assert (
        draw(CONFIG, "plantuml")
        == """\
@startuml
left to right direction
package "server" {
  component "a/b.c" as server_0
  component "end" as server_1
}
package "escaper" {
  component "名" as escaper_2
  component "deny" as escaper_3
}
package "resolver" {
  component "dns" as resolver_4
}
server_0 --> escaper_2
escaper_2 ..> resolver_4
@enduml
"""
    )


@pytest.mark.parametrize("form", FORMATS)
def test_an_empty_graph(form: str) -> None:
    assert draw(Config(path=Path("main.yml")), form).count("\n") >= 1
