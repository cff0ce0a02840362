"""Gathers the evaluation files into report/report.json and report/report.md:

    python report.py --greedy greedy.json --warm sampled.json --runs 3 --notes notes.md
"""
import argparse
import hashlib
import json
from pathlib import Path

HERE = Path(__file__).parent
MODEL = HERE / "../../resources/models/demo"
ADAPTERS = HERE / "../../resources/adapters/demo"
LANG_NAMES = {"en": "English", "es": "Spanish", "zh": "Chinese"}


def table(summary, keys):
    lines = ["| language | dialogues | intent right | slots right | hand-over right |", "|---|---|---|---|---|"]
    for lang, rows in summary.items():
        for key in keys(rows):
            row = rows[key]
            name = LANG_NAMES[lang] if key == "all" else f"{lang} · {key}"
            lines.append(f"| {name} | {row['dialogues']} | {row['intent']} % | {row['slots']} % | {row['handover']} % |")
    return "\n".join(lines)


def failure(entry):
    said = " / ".join(("customer: " if t["role"] == "user" else "model: ") + t["content"] for t in entry["turns"][-3:])
    return f"- `{entry['id']}` {said} → *{entry['reply']}* ({'; '.join(entry['why'])})"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--greedy", required=True)
    parser.add_argument("--sampled", required=True)
    parser.add_argument("--notes", required=True, help="Markdown put below the tables")
    args = parser.parse_args()
    greedy, sampled = (json.loads(Path(p).read_text(encoding="utf-8")) for p in (args.greedy, args.sampled))
    files = {str(p.relative_to(root.parent.parent)): {"bytes": p.stat().st_size, "sha256": hashlib.sha256(p.read_bytes()).hexdigest()}
             for root in (MODEL, ADAPTERS) for p in sorted(root.rglob("*.safetensors"))}
    total = sum(p.stat().st_size for p in MODEL.iterdir())
    out = {"files": files, "model_folder_bytes": total, "greedy": greedy["summary"], "temperature_0.7": sampled["summary"],
           "failures_greedy": greedy["failures"]}
    (HERE / "report/report.json").write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = ["# The demo model on dialogues it has never seen", "",
            "Replies are generated from the shipped fp16 weights and judged by `judge.py` (see `BEHAVIOUR.md` for the three measures).",
            "The held-out dialogues were written by another person, who knew `BEHAVIOUR.md` but not the training phrases.", "",
            "## Greedy", "", table(greedy["summary"], lambda rows: ["all"]), "",
            "## Temperature 0.7", "", table(sampled["summary"], lambda rows: ["all"]), "",
            Path(args.notes).read_text(encoding="utf-8").strip(), "",
            "## Files", "", "| file | bytes | SHA-256 |", "|---|---|---|",
            *(f"| {name} | {v['bytes']} | `{v['sha256']}` |" for name, v in files.items()), "",
            f"Model folder together: {total} bytes.", "",
            "## By intent, greedy", "", table(greedy["summary"], lambda rows: [k for k in rows if k != "all"]), "",
            f"## What fails, greedy ({len(greedy['failures'])})", "", *map(failure, greedy["failures"])]
    (HERE / "report/report.md").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("wrote report")


if __name__ == "__main__":
    main()
