"""The outcome of a check as JUnit XML, which pipelines read."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tasks.check.check import Case, CheckResult
from tasks.check.words import denominators, measured_words
from tasks.tables.whole_files import atomic_path

# What XML 1.0 cannot hold, even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(result: CheckResult, file: Path) -> None:
    """One testcase per limit and subject: a broken limit is a failure, what cannot be judged is
    skipped with its reason. Written atomically.

    Raises: OSError where it cannot be written.
    """
    totals = {
        "tests": str(len(result.cases)), "failures": str(len(result.of("broken"))), "errors": "0",
        "skipped": str(len(result.of("skipped"))), "time": "0",
    }  # fmt: skip
    suites = ElementTree.Element("testsuites", {"name": "camaudit check", **totals})
    suite = ElementTree.SubElement(suites, "testsuite", {"name": _clean(result.run), **totals})
    for case in result.cases:
        suite.append(_testcase(case))
    ElementTree.indent(suites)
    with atomic_path(file) as temporary:
        ElementTree.ElementTree(suites).write(temporary, encoding="utf-8", xml_declaration=True)


def _testcase(case: Case) -> ElementTree.Element:
    limit, measured = case.limit, case.measured
    name = f"{limit.title}, {limit.words}: {measured.subject}"
    names = {"classname": f"camaudit.{limit.metric}", "name": name}
    element = ElementTree.Element(
        "testcase", {key: _clean(text) for key, text in names.items()} | {"time": "0"}
    )
    said = f"{measured_words(case)}; limit: {limit.words}; {denominators(case)}"
    if case.outcome == "skipped":
        skipped = {"message": _clean(case.reason)}
        ElementTree.SubElement(element, "skipped", skipped).text = _clean(said)
    elif case.outcome == "broken":
        message = case.reason or f"{measured_words(case)} breaks {limit.words}"
        failure = {"message": _clean(message), "type": limit.metric}
        ElementTree.SubElement(element, "failure", failure).text = _clean(said)
    else:
        because = f"; {case.reason}" if case.reason else ""
        ElementTree.SubElement(element, "system-out").text = _clean(said + because)
    return element


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
