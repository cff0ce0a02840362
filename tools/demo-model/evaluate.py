"""Runs dialogues through a model and judges the replies.

    python evaluate.py --model ../../resources/models/demo --data heldout --out report/report.json [--details]
"""
import argparse
import hashlib
import json
from collections import defaultdict
from pathlib import Path

import torch

from facts import DEFAULT_PROMPT
from generate import generate, load, load_exported
from judge import judge
from make_data import Encoder

MEASURES = ("intent", "slots", "handover")


def run(model, encoder, items, temperature=0.0, whole=True, seed=0):
    """Generate every open assistant turn, then judge the last reply of each item."""
    states = []
    for item in items:
        system = DEFAULT_PROMPT if item["system"] == "default" else item["system"]
        states.append({"item": item, "system": system, "turns": [dict(t) for t in item["turns"]]})
    speak = lambda jobs: [encoder.plain.decode(ids, skip_special_tokens=True).strip() for ids in generate(
        model, [encoder.prompt(j) for j in jobs], encoder.end, temperature, seed=seed)]

    def prompt(state, upto):
        head = [("system", state["system"])] if state["system"] else []
        return head + [(t["role"], t["content"]) for t in state["turns"][:upto]]
    for position in range(max(len(s["turns"]) for s in states)):
        todo = [s for s in states if position < len(s["turns"]) and s["turns"][position]["content"] is None]
        for state, text in zip(todo, speak([prompt(s, position) for s in todo])):
            state["turns"][position]["content"] = text
    for state, text in zip(states, speak([prompt(s, None) for s in states])):
        state["reply"] = text
        state["verdict"] = judge(state["item"], state["system"], state["turns"], text, whole)
    return states


def summary(states):
    """Counts and shares per language and per intent."""
    table = defaultdict(lambda: defaultdict(lambda: [0, 0, 0, 0]))
    for state in states:
        wanted = state["item"]["expect"]["intent"]
        for key in ("all", wanted if isinstance(wanted, str) else "|".join(wanted)):
            row = table[state["item"]["lang"]][key]
            row[0] += 1
            for i, measure in enumerate(MEASURES):
                row[i + 1] += state["verdict"][measure]
    share = lambda row: {"dialogues": row[0], **{m: round(100 * row[i + 1] / row[0], 1) for i, m in enumerate(MEASURES)}}
    return {lang: {key: share(row) for key, row in sorted(rows.items())} for lang, rows in sorted(table.items())}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="exported folder, or a .pt checkpoint beside tokenizer.json")
    parser.add_argument("--adapter")
    parser.add_argument("--data", required=True, help="folder with {en,es,zh}.jsonl")
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--out", help="write a JSON report here")
    parser.add_argument("--details", action="store_true", help="list every failure (development sets only)")
    args = parser.parse_args()
    path = Path(args.model)
    model = load(path) if path.suffix == ".pt" else load_exported(path, args.adapter)
    folder = path.parent if path.suffix == ".pt" else path
    encoder = Encoder(folder / "tokenizer.json")
    torch.manual_seed(0)
    items = [json.loads(line) for name in ("en", "es", "zh") if (Path(args.data) / f"{name}.jsonl").exists()
             for line in (Path(args.data) / f"{name}.jsonl").read_text(encoding="utf-8").splitlines() if line.strip()]
    states = run(model, encoder, items, args.temperature, whole=args.adapter is None)
    report = {"temperature": args.temperature, "summary": summary(states)}
    if path.suffix != ".pt":
        report["sha256"] = hashlib.sha256((path / "model.safetensors").read_bytes()).hexdigest()
    failures = [{"id": s["item"].get("id"), "lang": s["item"]["lang"], "turns": s["turns"], "reply": s["reply"], "why": s["verdict"]["why"]}
                for s in states if s["verdict"]["why"]]
    if args.out:
        report["failures"] = failures
        Path(args.out).write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for lang, rows in report["summary"].items():
        print(lang, rows["all"])
    if args.details:
        for f in failures:
            print(f["lang"], f["id"], [t["content"] for t in f["turns"]], "->", f["reply"], f["why"])


if __name__ == "__main__":
    main()
