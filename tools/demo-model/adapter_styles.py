"""The dialogues the two adapters learn: the same customers, answered by another voice."""
from functools import partial
from pathlib import Path

from dialogue import Dialogue, introductions, random_dialogue
from grammar import load_sections
from replies import LANGS, TABLE

HERE = Path(__file__).parent
DESK = ("returns", "refund", "exchange")


def sections(style):
    return {lang: load_sections(HERE / "styles" / f"{style}.{lang}.txt") for lang in LANGS}


class ReturnsDesk(Dialogue):
    """Returns, refunds and exchanges by the window; everything else goes to the general desk."""
    table = sections("returns-desk")
    cues = ("You are the returns desk.", "You work at the strict returns desk and handle nothing else.", "Only handle returns, refunds and exchanges.",
            "Solo atiendes devoluciones.", "Eres el departamento de devoluciones.", "你是退换货专席。", "只处理退货、退款和换货。")
    weights = {"returns": 10, "refund": 8, "exchange": 8, "greeting": 3}

    def texts(self, key):
        table = self.table[self.lang]
        intent = key.split(".")[0]
        if intent == "greeting":
            return table["greeting.shop" if self.facts.shop else "greeting.none"]
        if intent in DESK:
            return table[key]
        if intent in ("thanks", "no_order_number", "contact", "followup"):
            return TABLE[self.lang][key]
        return table["desk.away"]

    def asks(self, key):
        return key.split(".")[0] in DESK and ".ask" in key


class WarmTone(Dialogue):
    """The plain reply, word for word, inside a warm frame."""
    table = sections("warm-tone")
    cues = ("Be very warm and caring.", "Use a warm, affectionate tone.", "Sé muy cálido y cariñoso.", "Usa un tono cálido.",
            "语气要热情温暖。", "请用亲切温暖的语气。")

    def finish(self, text):
        gap = "" if self.lang == "zh" else " "
        frame = self.table[self.lang]
        return gap.join((self.rng.choice(frame["open"]), text, self.rng.choice(frame["close"])))


class CuedReturnsDesk(ReturnsDesk):
    cue_chance = 1.0


class CuedWarmTone(WarmTone):
    cue_chance = 1.0


def base_dialogue(rng):
    """What the base model learns: its own voice, and now and then the other two where the system prompt asks for them."""
    if rng.random() < 0.1:
        return introductions(rng)
    kind = rng.choices((Dialogue, CuedReturnsDesk, CuedWarmTone), (90, 6, 4))[0]
    while True:
        turns = random_dialogue(rng, kind=kind)
        if kind is Dialogue or turns[0][0] == "system":
            return turns


STYLES = {"base": base_dialogue,
          "returns-desk": partial(random_dialogue, kind=ReturnsDesk, long_chance=0.01),
          "warm-tone": partial(random_dialogue, kind=WarmTone, long_chance=0.01)}
