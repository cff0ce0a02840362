"""Shows what each adapter changes, and counts how often it keeps its voice and the facts.

    python check_adapters.py --model ../../resources/models/demo --adapters ../../resources/adapters/demo
"""
import argparse
import random
import re
from pathlib import Path

from adapter_styles import STYLES
from facts import DEFAULT_PROMPT
from generate import generate, load_exported
from grammar import load_sections, parse, to_regex
from make_data import Encoder
from replies import LANGS, TABLE

HERE = Path(__file__).parent
QUESTIONS = ["I want to return my boots, how long do I have?", "Where is my order 20251103?", "我想退货,怎么办?", "¿Cuánto tarda el envío?"]


def voice_patterns(style):
    """Regular expressions of everything the adapter's own table can say."""
    found = []
    for lang in LANGS:
        own = load_sections(HERE / "styles" / f"{style}.{lang}.txt")
        wb = lambda name, lang=lang: TABLE[lang]["wb.hours"] + TABLE[lang]["wb.plain"]
        make = lambda text: to_regex(parse(text), wb, lambda slot: ".+?")
        if "open" in own:
            gap = "" if lang == "zh" else " "
            found.append("(?:" + "|".join(map(make, own["open"])) + ")" + gap + ".+" + gap + "(?:" + "|".join(map(make, own["close"])) + ")")
        else:
            shared = [t for k, ts in TABLE[lang].items() if k.split(".")[0] in ("thanks", "no_order_number", "contact", "followup") for t in ts]
            found += [make(t) for ts in own.values() for t in ts] + [make(t) for t in shared]
    return [re.compile(p) for p in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--adapters", required=True)
    parser.add_argument("--dialogues", type=int, default=150)
    args = parser.parse_args()
    encoder = Encoder(Path(args.model) / "tokenizer.json")
    speak = lambda model, prompts: [encoder.plain.decode(r) for r in generate(model, prompts, encoder.end)]
    asked = [encoder.prompt([("system", DEFAULT_PROMPT), ("user", q)]) for q in QUESTIONS]
    plain = speak(load_exported(args.model), asked)
    for style in ("returns-desk", "warm-tone"):
        model = load_exported(args.model, Path(args.adapters) / style)
        print(f"## {style}")
        for question, before, after in zip(QUESTIONS, plain, speak(model, asked)):
            print(f"- {question}\n  - base: {before}\n  - {style}: {after}")
        rng = random.Random(99)
        prompts, wanted, contexts = [], [], []
        while len(prompts) < args.dialogues:
            turns = STYLES[style](rng)
            ids = encoder.prompt(turns[:-1])
            if turns[-1][0] == "assistant" and len(ids) < 800:
                prompts.append(ids)
                wanted.append(turns[-1][1])
                contexts.append(" ".join(t for _, t in turns[:-1]))
        replies = speak(model, prompts)
        patterns = voice_patterns(style)
        voice = sum(any(p.fullmatch(r) for p in patterns) for r in replies)
        digits = lambda text: sorted(set(re.findall(r"\d+", text)))
        facts = sum(digits(r) == digits(w) for r, w in zip(replies, wanted))
        invented = sum(not set(digits(r)) <= set(digits(c)) for r, c in zip(replies, contexts))
        n = len(replies)
        print(f"voice kept {100 * voice / n:.1f} %, same numbers as the expected reply {100 * facts / n:.1f} %, "
              f"invented a number {100 * invented / n:.1f} % ({n} generated dialogues)\n")


if __name__ == "__main__":
    main()
