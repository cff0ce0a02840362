"""Freezes what Hugging Face transformers says, so that the tests can compare against it without Python.

    python tools/parity/freeze.py --tiny   tiny random checkpoints and their log-probabilities (fixtures, committed)
    python tools/parity/freeze.py --demo   log-probabilities of resources/models/demo; run again when its weights change

Everything is computed in float32 on the CPU, whole sequences at once, eager attention. Needs torch, transformers,
safetensors, tokenizers.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "src/main/engine-tests/fixtures"
DEMO = ROOT / "resources/models/demo"

BASE = dict(hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, vocab_size=128, max_position_embeddings=128)

# name, configuration, model class, stored type, several shards
TINY = [
    ("llama-untied", LlamaConfig(**BASE, tie_word_embeddings=False, rope_theta=10000.0), LlamaForCausalLM, torch.bfloat16, False),
    (
        "llama-llama3-rope",
        LlamaConfig(
            **(BASE | dict(hidden_size=48, max_position_embeddings=256)),
            head_dim=32,
            attention_bias=True,
            mlp_bias=True,
            tie_word_embeddings=True,
            rms_norm_eps=1e-5,
            rope_parameters=dict(rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64),
        ),
        LlamaForCausalLM,
        torch.float16,
        False,
    ),
    (
        "llama-linear-rope",
        LlamaConfig(**(BASE | dict(hidden_size=32, intermediate_size=48, num_attention_heads=2, num_key_value_heads=1)), tie_word_embeddings=True, rope_parameters=dict(rope_type="linear", rope_theta=10000.0, factor=4.0)),
        LlamaForCausalLM,
        torch.float32,
        False,
    ),
    ("qwen2-tied", Qwen2Config(**(BASE | dict(num_hidden_layers=3)), tie_word_embeddings=True, rope_theta=1000000.0), Qwen2ForCausalLM, torch.bfloat16, True),
    ("qwen2-untied", Qwen2Config(**(BASE | dict(hidden_size=48, num_attention_heads=3, num_key_value_heads=3, intermediate_size=96)), tie_word_embeddings=False), Qwen2ForCausalLM, torch.float16, False),
]
TINY_LENGTH = 80

# Whole dialogues as the product runs them, in several scripts; the last one is noise a customer may paste.
DEMO_DIALOGUES = [
    [("system", "You are the support assistant of Lumen & Oak, an online shop. Items can be returned within 30 days. Delivery takes 2-4 working days. The warranty is 24 months."), ("user", "Hi, where is my order 4711234? It should have been here on Monday."), ("assistant", "I have noted order 4711234. A colleague checks with the carrier and writes back to you."), ("user", "Thanks! And how long can I send things back?")],
    [("system", "Eres Mia, la asistente de la tienda online Casa Brisa. Plazo de devolución: 14 días. El envío tarda 3-5 días laborables."), ("user", "¿Cuánto tarda el envío a Cádiz? ¡Es urgente, mañana es mi cumpleaños!")],
    [("system", "你是“青禾小铺”网店的客服助手。支持30天内退货。发货后2-4个工作日送达。保修12个月。工作时间:周一至周五 9:00-18:00。"), ("user", "你好,我的订单20240315怎么还没到?我想退款。"), ("assistant", "已记录订单20240315,同事会核实退款并回复您。"), ("user", "好的,谢谢!🙏")],
    [("user", "Größe 42 naïve façade — “quotes” ½ €5 Ωμέγα Привет שלום مرحبا 日本語 한국어 👩‍👩‍👧‍👦 \t tab\n\nnew line  two  spaces")],
]
# A dialogue that fills most of the context; of this one, only every so many positions are kept.
DEMO_LONG = [("system", "You are the assistant of Nordlicht. 支持30天内退货。 La garantía es de 24 meses.")] + [
    turn for number in range(12) for turn in (("user", f"Where is my order {4711000 + number}? ¿Cuándo llega? 什么时候到?"), ("assistant", f"I have noted order {4711000 + number}. A colleague checks with the carrier and writes back."))
] + [("user", "OK, gracias. 再见!")]
DEMO_LONG_STRIDE = 9
DEMO_TOP = 6
DEMO_PROBES = 6


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def log_probabilities(model, ids: list[int]) -> torch.Tensor:
    """[length, vocabulary], natural, float32."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].float()
    return torch.log_softmax(logits.double(), dim=-1).float()


def randomise(model, generator: torch.Generator) -> None:
    """Weights large enough that the distribution is far from uniform, norms and biases away from their identity."""
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith("norm.weight"):
            parameter.data = 1 + 0.2 * noise
        elif parameter.dim() == 1:
            parameter.data = 0.3 * noise
        elif "embed_tokens" in name:
            parameter.data = 0.5 * noise
        else:
            parameter.data = noise * (1.6 / parameter.shape[1] ** 0.5)


def freeze_tiny() -> None:
    for index, (name, config, kind, stored, sharded) in enumerate(TINY):
        folder = FIXTURES / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
        generator = torch.Generator().manual_seed(1000 + index)
        config._attn_implementation = "eager"
        model = kind(config).eval()
        randomise(model, generator)
        model = model.to(stored)
        tensors = {key: value.contiguous() for key, value in model.state_dict().items() if not (config.tie_word_embeddings and key == "lm_head.weight")}
        config.dtype = stored
        config.architectures = [kind.__name__]
        (folder / "config.json").write_text(json.dumps(config.to_diff_dict(), indent=2, sort_keys=True, default=str) + "\n")
        if sharded:
            names = sorted(tensors)
            parts = [names[: len(names) // 2], names[len(names) // 2 :]]
            files = [f"model-{part + 1:05d}-of-{len(parts):05d}.safetensors" for part in range(len(parts))]
            for file, part in zip(files, parts):
                save_file({key: tensors[key] for key in part}, folder / file, metadata={"format": "pt"})
            weight_map = {key: file for file, part in zip(files, parts) for key in part}
            (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}, indent=2) + "\n")
        else:
            save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        # the reference reads the folder back, as a user's reference would
        reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        ids = torch.randint(0, config.vocab_size, (TINY_LENGTH,), generator=generator).tolist()
        expected = log_probabilities(reference, ids)
        (folder / "expected.json").write_text(json.dumps({"ids": ids}) + "\n")
        (folder / "expected.f32").write_bytes(expected.contiguous().numpy().astype("<f4").tobytes())
        print(f"{name}: {sum(t.numel() for t in tensors.values())} parameters, entropy {-(expected.exp() * expected).sum(-1).mean():.2f} of {torch.log(torch.tensor(float(config.vocab_size))):.2f}")


def freeze_demo() -> None:
    tokenizer = AutoTokenizer.from_pretrained(DEMO)
    model = AutoModelForCausalLM.from_pretrained(DEMO, dtype=torch.float32, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(7)
    sequences = []
    limit = model.config.max_position_embeddings
    for dialogue, stride in [(dialogue, 1) for dialogue in DEMO_DIALOGUES] + [(DEMO_LONG, DEMO_LONG_STRIDE)]:
        messages = [{"role": role, "content": content} for role, content in dialogue]
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=True, return_dict=False)
        # the model's own greedy reply makes the sequence one that the product really runs
        reply = model.generate(torch.tensor([ids]), max_new_tokens=min(40, limit - len(ids)), do_sample=False)[0].tolist()[len(ids) :]
        ids = (ids + reply)[:limit]
        table = log_probabilities(model, ids)
        rows = []
        for position in range(len(ids)):
            if position % stride and position + 1 < len(ids):
                rows.append([])
                continue
            row = table[position]
            probes = row.topk(DEMO_TOP).indices.tolist()
            probes += torch.randint(0, row.shape[0], (DEMO_PROBES,), generator=generator).tolist()
            if position + 1 < len(ids):
                probes.append(ids[position + 1])
            rows.append([[token, round(float(row[token]), 5)] for token in dict.fromkeys(probes)])
        sequences.append({"ids": ids, "rows": rows})
        print(f"{len(ids)} tokens, reply: {tokenizer.decode(reply)!r}")
    fixture = {
        "weightsSha256": {path.name: sha256(path) for path in sorted(DEMO.glob("*.safetensors"))},
        "transformers": __import__("transformers").__version__,
        # rows[position] = [[token, log-probability], ...]: the best, some random ones and the token that follows; of the long
        # dialogue most positions are empty
        "sequences": sequences,
    }
    target = FIXTURES / "demo.json"
    target.write_text(json.dumps(fixture, separators=(",", ":")) + "\n")
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--demo", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.tiny:
        freeze_tiny()
    if arguments.demo:
        freeze_demo()
    if not (arguments.tiny or arguments.demo):
        parser.error("say --tiny, --demo or both")
