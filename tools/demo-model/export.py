"""Writes a checkpoint in Hugging Face layout: python export.py --work WORK --name base --out ../../resources/models/demo"""
import argparse
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from model import Config

CHAT_TEMPLATE = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
                 "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
PAD, START, END = 0, 1, 2


def config_json(c):
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": c.vocab_size, "hidden_size": c.hidden_size,
        "intermediate_size": c.intermediate_size, "num_hidden_layers": c.num_hidden_layers, "num_attention_heads": c.num_attention_heads,
        "num_key_value_heads": c.num_key_value_heads, "head_dim": c.head_dim, "max_position_embeddings": c.max_position_embeddings,
        "rope_theta": c.rope_theta, "rope_scaling": None, "rms_norm_eps": c.rms_norm_eps, "hidden_act": "silu", "attention_bias": False,
        "mlp_bias": False, "attention_dropout": 0.0, "tie_word_embeddings": True, "initializer_range": 0.02, "use_cache": True,
        "bos_token_id": None, "eos_token_id": END, "pad_token_id": PAD, "torch_dtype": "float16"}


def token(content):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}


def tokenizer_config():
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1024, "bos_token": None, "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>", "unk_token": None, "add_bos_token": False, "add_prefix_space": False,
            "clean_up_tokenization_spaces": False, "additional_special_tokens": ["<|im_start|>", "<|im_end|>"],
            "added_tokens_decoder": {str(i): token(n) for i, n in enumerate(names)}, "chat_template": CHAT_TEMPLATE}


def hugging_face_state(model_state):
    """fp16 tensors under the names LlamaForCausalLM expects; the embedding is tied."""
    return {f"model.{k}": v.to(torch.float16).contiguous() for k, v in model_state.items() if k not in ("cos", "sin")}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", required=True)
    parser.add_argument("--name", default="base")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    work, out = Path(args.work), Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    write = lambda name, value: (out / name).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write("config.json", config_json(Config()))
    write("generation_config.json", {"eos_token_id": [END, PAD], "pad_token_id": PAD, "do_sample": True, "temperature": 0.3,
                                     "top_p": 0.9, "max_new_tokens": 128})
    write("tokenizer_config.json", tokenizer_config())
    shutil.copy(work / "tokenizer.json", out / "tokenizer.json")
    state = hugging_face_state(torch.load(work / f"{args.name}.pt")["model"])
    save_file(state, str(out / "model.safetensors"), metadata={"format": "pt"})
    print("wrote", out, sum(f.stat().st_size for f in out.iterdir()), "bytes")


if __name__ == "__main__":
    main()
