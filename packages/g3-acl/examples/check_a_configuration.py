"""Tell whoever wrote a configuration what is wrong with its rules, all at once, and what may have been meant."""

import json

from g3_acl import AclError, parse_host_rule_set

CONFIGURATION = """{
  "exact_match": {"permit": ["www.example.com", "example.com:443"]},
  "child_match": {"forbit": "example.net", "default": "permit"},
  "subnet_match": {"deny": ["10.0.0.0/8", "192.168.1.1/16"]}
}"""

try:
    parse_host_rule_set(json.loads(CONFIGURATION))
except AclError as error:
    for problem in error.problems:
        place = ".".join(map(str, problem.path))
        print(f"{place}: {problem.message}")
        print(f"    {'did you mean ' + problem.suggestion if problem.suggestion else 'expected ' + problem.expected}")
