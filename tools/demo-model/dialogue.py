"""Composes training dialogues: customer messages from the phrase lists, answers from the reply table."""
from pathlib import Path

import facts as shop_facts
from grammar import expand, load_sections, parse, tidy
from noise import noisy
from replies import LANGS, ORDER_INTENTS, TABLE, reply_key

HERE = Path(__file__).parent


def load_phrases(lang):
    """All phrase files of a language, joined section by section."""
    sections = {}
    for path in sorted((HERE / "phrases").glob(f"{lang}*.txt")):
        for name, lines in load_sections(path).items():
            sections.setdefault(name, []).extend(lines)
    return sections


PHRASES = {lang: load_phrases(lang) for lang in LANGS}
INTENT_WEIGHTS = {"greeting": 5, "order_status": 11, "shipping": 9, "returns": 9, "refund": 8, "exchange": 8, "order_change": 8,
                  "invoice": 6, "coupon": 7, "stock": 8, "warranty": 9, "account": 7, "payment": 11, "complaint": 11, "hours": 7,
                  "identity": 5, "thanks": 4, "other": 20, "human": 9}
# Inflected words split into more forms than Chinese ones, and need more examples.
LANGUAGE_WEIGHTS = {"en": 43, "es": 34, "zh": 23}


def random_language(rng):
    return rng.choices(LANGS, [LANGUAGE_WEIGHTS[lang] for lang in LANGS])[0]
PREFIXES = ["#", "# ", "No. ", "No.", "A-", "B-", "ORD-", "WS-", "N", "nr ", "n.º ", "#A"]
MAILS = ["gmail.com", "mail.com", "outlook.es", "qq.com", "163.com", "web.de", "yahoo.com", "hotmail.com"]
SHOPPING = set(ORDER_INTENTS) | {"stock", "shipping", "coupon"}


def random_order(rng):
    length = rng.choice([5, 6, 6, 7, 7, 8, 8, 8, 8, 9, 10, 11, 12])
    if length == 8 and rng.random() < 0.3:
        return f"20{rng.randint(20, 29)}{rng.randint(0, 9999):04d}"
    return str(rng.randint(1, 9)) + "".join(str(rng.randint(0, 9)) for _ in range(length - 1))


def written(order, rng):
    """The number as the customer writes it, now and then with a prefix."""
    return order if rng.random() < 0.65 else rng.choice(PREFIXES) + order


def phrase(lang, section, rng, order=None):
    lists = PHRASES[lang]
    slots = lambda name: (written(order, rng) if name == "order" else
                          f"{shop_facts.invented_word(rng).lower()}{rng.randint(1, 99)}@{rng.choice(MAILS)}")
    return tidy(expand(parse(rng.choice(lists[section])), rng, lambda n: rng.choice(lists[n]), slots))


def join(parts, lang, rng):
    """Strings clauses together with the punctuation people use."""
    text = ""
    for part in parts:
        if not text:
            text = part
            continue
        if text[-1] in ".?!。,:;":
            gap = "" if lang == "zh" else " "
        else:
            gap = rng.choice([",", ",", "。", " ", "!"]) if lang == "zh" else rng.choice([", ", ", ", ". ", ". ", " ", " - ", "! "])
        text += gap + part
    return text


def message(lang, intent, rng, order=None, second=None):
    """One customer message for an intent, with opener, story, number and closer as chance has it."""
    core = phrase(lang, intent, rng)
    if lang != "zh" and rng.random() < 0.6:
        core = core[:1].upper() + core[1:]
    parts = [core]
    if intent in SHOPPING and rng.random() < 0.07:
        parts.append(phrase(lang, intent, rng))
    if second:
        parts.append(phrase(lang, second, rng))
    if intent in ORDER_INTENTS and rng.random() < 0.13:
        parts.insert(0, phrase(lang, "context", rng))
    elif intent in SHOPPING and rng.random() < 0.04:
        parts.append(phrase(lang, "context", rng))
    if order:
        number = phrase(lang, "with_number", rng, order) if rng.random() < 0.75 else written(order, rng)
        spot = rng.random()
        parts.insert(0 if spot < 0.3 else len(parts), number)
        if spot > 0.85:
            parts[-1] = f"({parts[-1]})"
    if intent not in ("greeting", "thanks"):
        if rng.random() < 0.3:
            parts.insert(0, phrase(lang, "opener", rng))
            if rng.random() < 0.08:
                parts.insert(1, phrase(lang, "opener", rng))
        if rng.random() < 0.2:
            parts.append(phrase(lang, "closer", rng))
    elif rng.random() < 0.1:
        parts.append(phrase(lang, intent, rng))
    return tidy(join(parts, lang, rng))


class Dialogue:
    """A conversation under way: what the shop is, what the customer said, what is pending."""
    weights = INTENT_WEIGHTS
    cues = ()  # sentences of a system prompt that ask for this voice
    cue_chance = 0.0

    def __init__(self, rng, noise=True):
        self.rng, self.noise = rng, noise
        self.intent = None  # of the latest reply
        self.facts = shop_facts.random_facts(rng)
        self.turns = []
        if rng.random() < 0.3:
            self.facts = shop_facts.Facts()
        else:
            prompt = shop_facts.system_prompt(self.facts, rng)
            if self.cues and rng.random() < self.cue_chance:
                prompt = f"{prompt} {rng.choice(self.cues)}" if rng.random() < 0.5 else f"{rng.choice(self.cues)} {prompt}"
            self.turns.append(("system", prompt))
        self.lang = random_language(rng)
        self.order = None
        self.pending = None

    def user(self, text):
        self.turns.append(("user", noisy(text, self.lang, self.rng) if self.noise and self.rng.random() < 0.85 else text))

    def texts(self, key):
        """The wordings a reply may have; an adapter's voice overrides this."""
        return TABLE[self.lang][key]

    def asks(self, key):
        """Whether this reply asks for the order number."""
        return key.endswith((".ask", ".ask.missing"))

    def finish(self, text):
        return text

    def answer(self, intent):
        """Append the reply for this intent in the customer's language."""
        key = reply_key(intent, self.facts, self.order)
        table = TABLE[self.lang]
        wb = lambda name: self.rng.choice(table["wb.hours" if self.facts.hours else "wb.plain"])

        def slot(name):
            if name == "order":
                return self.order
            return self.facts.hours_text(self.lang) if name == "hours" else str(getattr(self.facts, name))
        text = expand(parse(self.rng.choice(self.texts(key))), self.rng, wb, slot)
        self.turns.append(("assistant", self.finish(text)))
        self.pending = intent if self.asks(key) else None
        self.intent = intent

    def matter(self):
        """One thing the customer wants, with the turns it takes."""
        rng = self.rng
        if self.turns and rng.random() < 0.12:
            self.lang = rng.choice(LANGS)
        section = rng.choices(list(INTENT_WEIGHTS), [self.weights.get(k, 1) for k in INTENT_WEIGHTS])[0]
        if len(self.turns) > 1 and section == "greeting":
            section = "thanks"
        intent = "handover" if section in ("other", "human") else section
        given = None
        if intent in ORDER_INTENTS:
            if rng.random() < 0.3:
                given = random_order(rng)
        lead = ""
        if intent in ORDER_INTENTS and self.order:
            chance = rng.random()
            if chance < 0.3:
                lead = phrase(self.lang, "same_order", rng)
            elif chance < 0.45 and not given:
                lead = phrase(self.lang, "another_order", rng)
                self.order = None
        if given:
            self.order = given
        second = None
        if intent in SHOPPING and rng.random() < 0.03:
            second = rng.choice(["coupon", "hours", "stock", "invoice", "shipping"])
        text = message(self.lang, section, rng, given, second)
        self.user(lead + ("" if self.lang == "zh" or not lead else " ") + text if lead else text)
        self.answer(intent)
        self.follow()

    def follow(self):
        """Turns that belong to the matter: the missing number, a correction, a question about the wait."""
        rng = self.rng
        for _ in range(3):
            if not self.pending:
                break
            chance = rng.random()
            intent = self.pending
            if chance < 0.62:
                self.order = random_order(rng)
                self.user(phrase(self.lang, "number_only", rng, self.order))
                self.answer(intent)
            elif chance < 0.78:
                self.user(phrase(self.lang, "no_order_number", rng))
                self.answer("no_order_number")
                self.pending = intent
                if rng.random() < 0.25:
                    self.user(phrase(self.lang, "contact", rng))
                    self.answer("contact")
                    self.pending = None
            elif chance < 0.83:
                self.user(message(self.lang, intent, rng))
                self.answer(intent)
            else:
                return
        else:
            return
        if self.order and self.order in self.turns[-1][1]:
            chance = rng.random()
            if chance < 0.06:
                intent = self.intent
                self.order = random_order(rng)
                self.user(phrase(self.lang, "correction", rng, self.order))
                self.answer(intent)
            elif chance < 0.12:
                self.user(phrase(self.lang, "followup", rng))
                self.answer("followup")

    def cold_number(self):
        """A conversation that opens with nothing but an order number."""
        self.order = random_order(self.rng)
        text = phrase(self.lang, "number_only", self.rng, self.order)
        if not any(c.isalpha() for c in text):
            self.lang = "en"
        self.user(text)
        self.answer("order_status")


def introductions(rng):
    """Greetings and questions for the name of the shop, over and over: names nobody has heard are learned by copying."""
    dialogue = Dialogue(rng)
    while dialogue.facts.shop is None:
        dialogue = Dialogue(rng)
    for intent in rng.choices(("greeting", "identity"), k=rng.randint(1, 4)):
        if rng.random() < 0.4:
            dialogue.lang = rng.choice(LANGS)
        dialogue.user(phrase(dialogue.lang, intent, rng))
        dialogue.answer(intent)
    if rng.random() < 0.4:
        dialogue.matter()
    return dialogue.turns


def random_dialogue(rng, noise=True, long_chance=0.02, kind=Dialogue):
    """A list of (role, text) turns."""
    dialogue = kind(rng, noise)
    if rng.random() < 0.13:
        dialogue.user(phrase(dialogue.lang, "greeting", rng))
        dialogue.answer("greeting")
    elif rng.random() < 0.015:
        dialogue.cold_number()
    matters = rng.choice([1, 1, 1, 2, 3, 4, 5]) if rng.random() > long_chance else rng.randint(8, 13)
    for _ in range(matters):
        dialogue.matter()
    if rng.random() < 0.1:
        dialogue.user(phrase(dialogue.lang, "thanks", rng))
        dialogue.answer("thanks")
    return dialogue.turns
