"""Show the service's OpenAPI description as one page that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib import resources
from typing import Any, NamedTuple

import fastapi
import jinja2


class Page(NamedTuple):
    """A page, and the policy that keeps a browser from running anything else in it."""

    html: str
    policy: str


def described(api: fastapi.FastAPI, *, keyed: bool) -> dict[str, Any]:
    """Return the OpenAPI description that FastAPI makes of the routes, with the ways to send a key."""
    found = api.openapi()
    if keyed:
        found.setdefault("components", {})["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        }
    return found


def render(description: dict[str, Any]) -> Page:
    """Return the page of an OpenAPI description; everything in it is escaped."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["pretty"] = lambda value: json.dumps(value, ensure_ascii=False, indent=2)
    environment.filters["shape"] = lambda schema: shape(schema, description)
    template = environment.from_string(resources.files(__package__).joinpath("docs.html").read_text("utf-8"))
    html = template.render(api=description)
    scripts = " ".join(_hash(script) for script in re.findall(r"<script>(.*?)</script>", html, re.DOTALL))
    styles = " ".join(_hash(style) for style in re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    policy = f"default-src 'none'; style-src {styles}; script-src {scripts}; connect-src 'self'; frame-ancestors 'none'"
    return Page(html, policy)


def shape(schema: dict[str, Any], description: dict[str, Any], depth: int = 0) -> str:
    """Write a JSON schema in a line: `{status: "ok", confidence?: number}`."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        schema = description["components"]["schemas"][name]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            inner = [one for one in schema[word] if one.get("type") != "null"]
            return " | ".join(shape(one, description, depth) for one in inner)
    if "const" in schema:
        return json.dumps(schema["const"])
    kinds = schema.get("type", "any")
    if isinstance(kinds, list):
        return " | ".join(shape({**schema, "type": kind}, description, depth) for kind in kinds if kind != "null")
    if kinds == "array":
        return f"[{shape(schema.get('items', {}), description, depth)}, ...]"
    if kinds == "object" and "properties" in schema:
        needed, pad = schema.get("required", []), "  " * (depth + 1)
        lines = [
            f"{pad}{name}{'' if name in needed else '?'}: {shape(inner, description, depth + 1)}"
            for name, inner in schema["properties"].items()
        ]
        return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"
    if kinds == "object":
        return f"{{name: {shape(schema.get('additionalProperties') or {}, description, depth)}}}"
    return str(kinds)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
