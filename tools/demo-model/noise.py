"""How customers really type: lower case, no accents, typos, odd punctuation, emoji."""
import re
import unicodedata

FULL = str.maketrans(",?!:;()", "\uff0c\uff1f\uff01\uff1a\uff1b\uff08\uff09")
HALF = str.maketrans("\uff0c\uff1f\uff01\uff1a\uff1b\uff08\uff09\u3002", ",?!:;().")
NEIGHBOURS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuiopoasdfghjksxcvbnmn"))
EMOJI = ["🙏", "😡", "😭", "👍", "😊", "❤️", "🤔", "😅", "🙂", "👋", "💔", "😤"]
CHAT_WORDS = {
    "en": [("please", "pls"), ("please", "plz"), ("you", "u"), ("your", "ur"), ("are", "r"), ("thanks", "thx"), ("because", "cuz"),
           ("don't", "dont"), ("can't", "cant"), ("I'm", "im"), ("hasn't", "hasnt"), ("I've", "ive"), ("it's", "its"), ("isn't", "isnt"),
           ("doesn't", "doesnt"), ("didn't", "didnt"), ("haven't", "havent"), ("I'd", "id"), ("what's", "whats"), ("won't", "wont")],
    "es": [("que", "q"), ("por favor", "porfa"), ("por favor", "x favor"), ("porque", "xq"), ("también", "tb"), ("para", "pa"), ("por", "x")],
    "zh": [("怎么", "咋"), ("什么", "啥"), ("没有", "没"), ("你们", "你家"), ("的", "滴"), ("订单", "单子"), ("请问", "想问下")],
}


def strip_accents(text):
    text = text.replace("ñ", "\0").replace("Ñ", "\1")
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return text.replace("\0", "ñ").replace("\1", "Ñ")


def typo(word, rng):
    """One slip of the finger in a word without digits."""
    if len(word) < 4 or any(c.isdigit() for c in word) or not word.isascii():
        return word
    i = rng.randrange(1, len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1:]
    if kind == 1:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + NEIGHBOURS.get(word[i], word[i]) + word[i + 1:]


def noisy(text, lang, rng):
    """A customer's message as it might be typed; order numbers stay intact."""
    if rng.random() < 0.25:
        for a, b in rng.sample(CHAT_WORDS[lang], 4):
            if rng.random() < 0.5:
                text = text.replace(a, b) if lang == "zh" else re.sub(rf"\b{a}\b", b, text)
    if lang == "zh":
        style = rng.random()
        if style < 0.6:
            text = text.translate(FULL)
        elif style < 0.75:
            text = text.translate(HALF)
        elif style < 0.85:
            text = re.sub("[,\uff0c]", " ", text)
        if rng.random() < 0.08:  # one character lost or doubled
            i = rng.randrange(len(text))
            if not text[i].isdigit():
                text = text[:i] + (text[i + 1:] if rng.random() < 0.6 else text[i] + text[i:])
    else:
        if rng.random() < 0.45:
            text = text.lower()
        elif rng.random() < 0.05:
            text = text.upper()
        if lang == "es":
            if rng.random() < 0.35:
                text = strip_accents(text)
            if rng.random() < 0.5:
                text = text.replace("¿", "").replace("¡", "")
            if rng.random() < 0.1:
                text = text.replace("ñ", "n")
        if rng.random() < 0.3:
            words = text.split(" ")
            for _ in range(rng.choice([1, 1, 2])):
                i = rng.randrange(len(words))
                words[i] = typo(words[i], rng)
            text = " ".join(words)
        if rng.random() < 0.22:  # a word or two left out, as in haste: no single word may carry the intent
            words = text.split(" ")
            for _ in range(rng.choice([1, 1, 2])):
                i = rng.randrange(len(words))
                if len(words) > 5 and not any(c.isdigit() for c in words[i]):
                    del words[i]
            text = " ".join(words)
    style = rng.random()
    if style < 0.2:
        text = text.rstrip(".?!\u3002\uff1f\uff01")
    elif style < 0.27:
        text = text + rng.choice(["!!", "??", "...", "!!!", "?!", "~", "。。。" if lang == "zh" else ".."])
    elif style < 0.3:
        text = re.sub("[,.!?¿¡;\uff0c\u3002\uff1f\uff01]", "", text) if not re.search(r"@", text) else text
    if rng.random() < 0.05:
        text = text + " " + rng.choice(EMOJI)
    return text.strip() or "?"
