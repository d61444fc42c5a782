"""Files of this repository inside a pod, by a ConfigMap, so that no image need be built for them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Json = Any


@dataclass(frozen=True)
class Files:
    """Texts by their paths in the pod."""

    name: str
    """Of the ConfigMap."""
    texts: dict[str, str]

    @classmethod
    def of(cls, name: str, root: Path, paths: Iterable[str]) -> Self:
        """Files below a folder; a path that names a folder stands for the modules in it."""
        texts: dict[str, str] = {}
        for path in paths:
            found = root / path
            for file in sorted(found.rglob("*.py")) if found.is_dir() else [found]:
                texts[str(file.relative_to(root))] = file.read_text(encoding="utf-8")
        return cls(name, texts)

    def config_map(self, namespace: str) -> Json:
        """What holds them."""
        metadata = {"name": self.name, "namespace": namespace}
        data = {_key(path): text for path, text in self.texts.items()}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    def volume(self) -> Json:
        """What shows them at their paths."""
        items = [{"key": _key(path), "path": path} for path in self.texts]
        return {"name": self.name, "configMap": {"name": self.name, "items": items}}


def _key(path: str) -> str:
    return path.replace("/", "--")
