#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Gate: what the code and the documents cite of docs/theory is there: the page, "eq. N", "section N", "Heading".

An equation belongs to the page named last before it in the file, else to the first named after it, else to the page
that the file's header names; in a page of the theory, to the page itself or to the one linked beside it. After the
year of a paper in the same clause it is the paper's. Every DOI stands in docs/bibliography.md.
"""
import os
import re
import sys

import gate

PAGE = re.compile(r"docs/(?:theory/)?([a-z-]+\.md)")
LINKED = re.compile(r"\]\((?:[a-z/.]*/)?([a-z-]+\.md)[^)]*\)")
CITED = re.compile(r"\b(?:[Ee]qs?\.|(?P<section>section)) ?(?P<numbers>\d+(?:(?:, | and | to |-)\d+)*)(?![\d.]*\d)")
HEADING = re.compile(r"docs/theory/([a-z-]+\.md), ((?:\"[^\"\n]+\"(?: and )?)+)")
YEAR = re.compile(r"\b(?:18|19|20)\d\d\b")
DOI = re.compile(r"10\.\d{4,9}/[^\s\"'<>|,;\]\\]+")
SOURCES = (".c", ".h", ".py", ".sh", ".yaml", ".csv")
BIBLIOGRAPHY = "docs/bibliography.md"


def numbers(text):
    """ "1, 3 to 5" as [1, 3, 4, 5]."""
    found = []
    for first, last in re.findall(r"(\d+)(?:(?: to |-)(\d+))?", text):
        found += range(int(first), int(last or first) + 1)
    return found


def contents(text):
    """What may be cited of a page: equations, numbered sections, headings."""
    equations = {int(n) for n in re.findall(r"\\tag\{(\d+)\}|^ {4}.* {2}\((\d+)\)$", text, re.M) for n in n if n}
    sections = {int(n) for n in re.findall(r"^#+ (\d+)\. ", text, re.M)}
    return equations, sections, set(re.findall(r"^#+ (.*)$", text, re.M))


def dois(text):
    """Every DOI of a text with its match, without the punctuation and the bracket that end its sentence."""
    for match in DOI.finditer(text):
        doi = match.group(0).rstrip(".:)")
        yield match, doi + ")" * (doi.count("(") - doi.count(")"))


def clause(text, position):
    """The text from the last full stop or semicolon of the line to a position."""
    line = text[text.rfind("\n", 0, position) + 1:position]
    return re.split(r"; |\. ", line)[-1]


def named(text, match, name, root):
    """The page that a citation is of; None: a paper's, or of no page."""
    before = clause(text, match.start())
    if YEAR.search(before) and not PAGE.search(before):
        return None
    if name.endswith(".md"):
        near = LINKED.match(text, text.find("](", match.end(), match.end() + 30)) or LINKED.search(before[-60:])
        return near.group(1) if near else os.path.basename(name) if name.startswith("docs/theory/") else None
    pages = PAGE.findall(text, 0, match.start())
    header = os.path.splitext(name)[0] + ".h"
    after = PAGE.findall(text) or PAGE.findall(gate.read(root, header) or "" if os.path.exists(
        os.path.join(root, header)) else "")
    return pages[-1] if pages else after[0] if after else ""


def main(root):
    findings = []
    names = [name for name in gate.files(root) if not name.startswith("tests/gate/")]
    theory = {os.path.basename(name): contents(gate.read(root, name))
              for name in names if name.startswith("docs/") and name.endswith(".md")}
    listed = {doi.lower() for _, doi in dois((gate.read(root, BIBLIOGRAPHY) or "") if BIBLIOGRAPHY in names else "")}
    for name in names:
        if not name.endswith(SOURCES + (".md",)):
            continue
        text = gate.read(root, name) or ""

        def report(match, words, name=name, text=text):
            findings.append(f"{name}:{gate.line_of(text, match.start())}: {words}")
        for match in re.finditer(r"docs/[a-z/-]+\.md", text):
            if match.group(0) not in names:
                report(match, f"{match.group(0)}: no such page")
        for match, doi in dois(text):
            if doi.lower() not in listed:
                report(match, f"doi:{doi} is not in {BIBLIOGRAPHY}")
        for match in HEADING.finditer(text):
            for title in re.findall(r"\"([^\"]+)\"", match.group(2)):
                if title not in theory.get(match.group(1), ((), (), ()))[2]:
                    report(match, f"{match.group(1)}: no heading '{title}'")
        for match in CITED.finditer(text):
            page = named(text, match, name, root)
            kind = "section" if match.group("section") else "equation"
            if page == "" and kind == "equation":
                report(match, f"{match.group(0)}: of which page?")
            known = theory.get(page, ((), (), ()))[kind == "section"] if page else ()
            missing = [n for n in numbers(match.group("numbers")) if page and n not in known]
            if missing:
                report(match, f"{page} has no {kind} {', '.join(map(str, missing))}")
    gate.finish(findings, "equations, sections and sources that are cited exist")


main(sys.argv[1])
