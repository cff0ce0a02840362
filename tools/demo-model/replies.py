"""The reply table: what the model is taught to say, and how the judge recognises it again."""
import re
from functools import lru_cache
from pathlib import Path

from grammar import load_sections, parse, to_regex

HERE = Path(__file__).parent
LANGS = ("en", "es", "zh")
TABLE = {lang: load_sections(HERE / "replies" / f"{lang}.txt") for lang in LANGS}
ORDER_INTENTS = ("order_status", "returns", "refund", "exchange", "order_change", "invoice", "warranty", "payment", "complaint")
FACT_OF = {"returns": "return_days", "exchange": "return_days", "warranty": "warranty_months",
           "shipping": "shipping_days", "hours": "hours"}
SLOT_PATTERNS = {"order": r"(?P<order>\d+)", "return_days": r"(?P<return_days>\d+)", "warranty_months": r"(?P<warranty_months>\d+)",
                 "shipping_days": r"(?P<shipping_days>\d+(?:-\d+)?)"}


def reply_key(intent, facts, order):
    """The section of the reply table for this intent, given the facts and the order number (or None)."""
    if intent in ("greeting", "identity"):
        kind = {(True, True): "both", (True, False): "shop", (False, True): "name"}.get(
            (facts.shop is not None, facts.name is not None), "none")
        return f"{intent}.{kind}"
    missing = intent in FACT_OF and getattr(facts, FACT_OF[intent]) is None
    if intent in ("shipping", "hours"):
        return f"{intent}.{'missing' if missing else 'known'}"
    if intent in ORDER_INTENTS:
        return f"{intent}.{'noted' if order else 'ask'}{'.missing' if missing else ''}"
    return {"contact": "contact.noted"}.get(intent, f"{intent}.info")


def _slot_pattern():
    seen = set()

    def pattern(name):
        if name not in SLOT_PATTERNS:
            return r"[^\n]+?"
        if name in seen:
            return r"[\d-]+"
        seen.add(name)
        return SLOT_PATTERNS[name]
    return pattern


@lru_cache(maxsize=None)
def patterns(lang):
    """[(key, compiled regex of the whole reply)] of one language."""
    table = TABLE[lang]
    wb = lambda name: table["wb.hours"] + table["wb.plain"]
    return [(key, re.compile(to_regex(parse(text), wb, _slot_pattern())))
            for key, texts in table.items() if not key.startswith("wb.") for text in texts]


def recognise(text, whole=True):
    """(lang, key) of the first table entry this reply matches, or (None, None)."""
    for lang in LANGS:
        for key, pattern in patterns(lang):
            if (pattern.fullmatch(text) if whole else pattern.search(text)):
                return lang, key
    return None, None
