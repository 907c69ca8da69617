"""The page about a server, from its OpenAPI document: one file, no network, a form to try it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOME = Path(__file__).parent


def page(openapi: Mapping[str, Any], about: Mapping[str, Any]) -> str:
    """The page as HTML."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(HOME), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    routes = [
        {"verb": verb.upper(), "path": path, "about": route.get("description", ""), "responses": route["responses"]}
        for path, methods in openapi["paths"].items()
        for verb, route in methods.items()
    ]
    asked = {path: methods["post"] for path, methods in openapi["paths"].items() if "post" in methods}
    body = asked["/predict"]["requestBody"]["content"]["application/json"]
    example = json.dumps(body["example"], ensure_ascii=False, indent=2)
    template = environment.get_template("page.html.jinja")
    title = openapi["info"]["title"]
    return template.render(title=title, about=about, routes=routes, asked=list(asked), example=example)
