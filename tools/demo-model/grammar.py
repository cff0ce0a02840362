"""A tiny phrase grammar shared by the generator (expand) and the judge (to_regex).

    (a|b|c)   one of the alternatives
    [a|b]     the same, or nothing
    <name>    one line of the section `name` (phrases) or of a resolver (replies)
    {slot}    a value filled in by the caller

A grammar file holds sections (`== name`) of one phrase a line; `#` starts a comment line.
"""
import re
from functools import lru_cache
from pathlib import Path

TOKEN = re.compile(r"[()\[\]|]|<[a-z_.]+>|\{[a-z_]+\}|[^()\[\]|<{]+|[<{]")


def load_sections(path):
    """Read a grammar file into {section: [phrase, ...]}."""
    sections, current = {}, None
    for raw in Path(path).read_text(encoding="utf-8").splitlines():
        line = raw.strip()
        if not line or line.startswith("# "):
            continue
        if line.startswith("== "):
            current = sections.setdefault(line[3:].strip(), [])
        else:
            current.append(line)
    return sections


@lru_cache(maxsize=None)
def parse(text):
    """Parse a phrase into nested tuples: ("seq", parts) | ("alt", options) | ("ref", n) | ("slot", n) | str."""
    tokens = TOKEN.findall(text)
    node, position = _alternatives(tokens, 0, None)
    if position != len(tokens):
        raise ValueError(f"unbalanced phrase: {text}")
    return node


def _alternatives(tokens, i, closer):
    options, parts = [], []
    while i < len(tokens) and tokens[i] != closer:
        token = tokens[i]
        if token in "([":
            inner, i = _alternatives(tokens, i + 1, ")" if token == "(" else "]")
            if i >= len(tokens):
                raise ValueError("missing bracket: " + "".join(tokens))
            parts.append(inner if token == "(" else ("opt", inner))
        elif token == "|":
            options.append(("seq", tuple(parts)))
            parts = []
        elif len(token) > 2 and token[0] == "<":
            parts.append(("ref", token[1:-1]))
        elif len(token) > 2 and token[0] == "{":
            parts.append(("slot", token[1:-1]))
        elif token in ")]":
            raise ValueError("stray bracket: " + "".join(tokens))
        else:
            parts.append(token)
        i += 1
    options.append(("seq", tuple(parts)))
    return (options[0] if len(options) == 1 else ("alt", tuple(options))), i


def expand(node, rng, resolve, slots):
    """One random wording. `resolve(name)` returns a phrase for <name>; `slots` fills {slot}."""
    if isinstance(node, str):
        return node
    kind, value = node
    if kind == "seq":
        return "".join(expand(part, rng, resolve, slots) for part in value)
    if kind == "alt":
        return expand(rng.choice(value), rng, resolve, slots)
    if kind == "opt":
        return expand(value, rng, resolve, slots) if rng.random() < 0.5 else ""
    if kind == "ref":
        return expand(parse(resolve(value)), rng, resolve, slots)
    return slots(value) if callable(slots) else str(slots[value])


def to_regex(node, options_of, slot_pattern):
    """The regular expression of everything a phrase can say."""
    if isinstance(node, str):
        return re.escape(node)
    kind, value = node
    if kind == "seq":
        return "".join(to_regex(part, options_of, slot_pattern) for part in value)
    if kind == "alt":
        return "(?:" + "|".join(to_regex(v, options_of, slot_pattern) for v in value) + ")"
    if kind == "opt":
        return "(?:" + to_regex(value, options_of, slot_pattern) + ")?"
    if kind == "ref":
        inner = (to_regex(parse(v), options_of, slot_pattern) for v in options_of(value))
        return "(?:" + "|".join(inner) + ")"
    return slot_pattern(value)


def tidy(text):
    """Collapse the double spaces that empty options leave behind."""
    text = re.sub(r" {2,}", " ", text)
    return re.sub(r" ([,.;:?!])", r"\1", text).strip()
