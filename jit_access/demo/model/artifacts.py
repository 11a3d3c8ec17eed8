"""What the demo's registry holds: two models as OCI artifacts, and a base image. Source: CNCF ModelPack, image-spec."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import dataclass

from jit_access.demo.model.safetensors import Tensor, write_shard

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_MODEL = "application/vnd.cncf.model.manifest.v1+json"
_MODEL_CONFIG = "application/vnd.cncf.model.config.v1+json"
_WEIGHTS = "application/vnd.cncf.model.weight.v1.raw"
_WEIGHTS_CONFIG = "application/vnd.cncf.model.weight.config.v1.raw"
_DOC = "application/vnd.cncf.model.doc.v1.raw"
_IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
_IMAGE_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_MADE_AT = "2026-01-05T09:00:00Z"  # fixed: the same bytes on every machine have the same digest


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of an artifact. `title` is the file name that clients write."""

    media_type: str
    body: bytes
    title: str = ""


@dataclass(frozen=True, slots=True)
class Artifact:
    """Everything that one push sends."""

    config: Layer
    layers: tuple[Layer, ...]
    artifact_type: str
    description: str

    def manifest(self) -> bytes:
        facts: dict[str, object] = {"schemaVersion": 2, "mediaType": MANIFEST}
        if self.artifact_type:
            facts["artifactType"] = self.artifact_type
        facts["config"] = _descriptor(self.config)
        facts["layers"] = [_descriptor(layer) for layer in self.layers]
        facts["annotations"] = {
            "org.opencontainers.image.created": _MADE_AT,
            "org.opencontainers.image.description": self.description,
        }
        return json.dumps(facts, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One repository of the demo. `make` is called only when the registry does not have it yet."""

    repository: str
    tier: str
    tag: str
    description: str
    make: Callable[[], Artifact]


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def _descriptor(layer: Layer) -> dict[str, object]:
    facts: dict[str, object] = {
        "mediaType": layer.media_type,
        "digest": digest_of(layer.body),
        "size": len(layer.body),
    }
    if layer.title:
        facts["annotations"] = {"org.opencontainers.image.title": layer.title}
    return facts


def _model(name: str, description: str, shards: tuple[tuple[Tensor, ...], ...]) -> Artifact:
    weights = []
    index: dict[str, str] = {}
    for number, tensors in enumerate(shards, start=1):
        title = f"model-{number:05d}-of-{len(shards):05d}.safetensors"
        weights.append(Layer(_WEIGHTS, write_shard(tensors, f"{name}/{title}"), title))
        index |= {tensor.name: title for tensor in tensors}
    total = sum(tensor.size_bytes for tensors in shards for tensor in tensors)
    files = {
        "config.json": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16"},
        "model.safetensors.index.json": {"metadata": {"total_size": total}, "weight_map": index},
        "tokenizer.json": _tokenizer(),
    }
    texts = [Layer(_WEIGHTS_CONFIG, json.dumps(body, indent=2).encode(), title) for title, body in files.items()]
    readme = Layer(_DOC, f"# {name}\n\n{description} The weights are made up.\n".encode(), "README.md")
    config = {
        "descriptor": {"name": name, "createdAt": _MADE_AT},
        "config": {"architecture": "transformer", "format": "safetensors", "precision": "bf16"},
        "modelfs": {"type": "layers", "diffIds": [digest_of(layer.body) for layer in weights]},
    }
    layers = (*texts, readme, *weights)
    return Artifact(Layer(_MODEL_CONFIG, json.dumps(config).encode()), layers, _MODEL, description)


def _tokenizer() -> dict[str, object]:
    vocabulary = {"<s>": 0, "</s>": 1, "<unk>": 2} | {chr(code): code - 29 for code in range(32, 127)}
    return {"version": "1.0", "model": {"type": "BPE", "unk_token": "<unk>", "vocab": vocabulary, "merges": []}}


def _tiny_llama() -> Artifact:
    description = "A tiny Llama for trying the gateway: 72 MiB, three shards."
    embedding = (Tensor("model.embed_tokens.weight", (32_768, 1_024)),)  # 64 MiB: long enough to be cut
    attention = tuple(Tensor(f"model.layers.0.self_attn.{part}_proj.weight", (1_024, 1_024)) for part in "qkv")
    rest = (Tensor("model.layers.0.self_attn.o_proj.weight", (1_024, 1_024)), Tensor("model.norm.weight", (1_024,)))
    return _model("tiny-llama", description, (embedding, attention, rest))


def _frontier() -> Artifact:
    description = "The crown jewels: pulling needs the owners and security."
    return _model("frontier", description, ((Tensor("model.embed_tokens.weight", (2_048, 1_024)),),))


def _base_image() -> Artifact:
    description = "A base image that anybody in research may pull."
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, body in {"etc/os-release": b'NAME="Demo base"\nVERSION_ID="1"\n', "etc/hostname": b"demo\n"}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            archive.addfile(entry, io.BytesIO(body))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": _MADE_AT,
        "config": {"Cmd": ["/bin/sh"]},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(buffer.getvalue())]},
    }
    layer = Layer(_IMAGE_LAYER, gzip.compress(buffer.getvalue(), mtime=0))
    return Artifact(Layer(_IMAGE_CONFIG, json.dumps(config).encode()), (layer,), "", description)


EXHIBITS = (
    Exhibit("llm/tiny-llama", "sensitive", "v1", "A tiny Llama, 72 MiB, for trying the gateway", _tiny_llama),
    Exhibit("llm/frontier", "critical", "v1", "The crown jewels; owners and security agree", _frontier),
    Exhibit("tools/base-image", "standard", "v1", "A base image, open to research", _base_image),
)
