"""Judges a generated reply against what a held-out dialogue expects."""
import re

from replies import recognise

CONFIRMS = {"en": "colleague will confirm", "es": "confirmará", "zh": "同事"}


def numbers(text):
    return set(re.findall(r"\d+", text))


def judge(item, system, turns, reply, whole=True):
    """{"intent": bool, "slots": bool, "handover": bool, "why": [...]} for one reply."""
    expect = item["expect"]
    wanted = expect["intent"] if isinstance(expect["intent"], list) else [expect["intent"]]
    lang, key = recognise(reply, whole)
    intent = {"contact": "no_order_number"}.get(key.split(".")[0], key.split(".")[0]) if key else None
    why = []
    intent_right = intent in wanted and lang == item["lang"]
    if not intent_right:
        why.append(f"intent {lang}/{key} instead of {item['lang']}/{'|'.join(wanted)}")
    slot_faults = []
    for name, value in (expect.get("slots") or {}).items():
        if name == "ask_order":
            # `shipping` and the like answer at once; asking shows in the key.
            if value and not (key and ".ask" in key):
                slot_faults.append("does not ask for the order number")
        elif name == "missing":
            if not (key and key.endswith("missing")):
                slot_faults.append(f"does not say that {value} will be confirmed")
        elif name == "hours":
            if not all(part in reply for part in str(value).split("-")):
                slot_faults.append(f"hours {value} missing")
        elif str(value) not in reply:
            slot_faults.append(f"{name} {value} missing")
    known = numbers((system or "") + " " + " ".join(t["content"] for t in turns))
    invented = numbers(reply) - known
    if invented:
        slot_faults.append(f"invented {sorted(invented)}")
    handover_right = (intent == "handover") == bool(expect["handover"])
    if not handover_right:
        why.append("hands over" if intent == "handover" else "does not hand over")
    return {"intent": intent_right, "slots": not slot_faults, "handover": handover_right, "key": key, "why": why + slot_faults}
