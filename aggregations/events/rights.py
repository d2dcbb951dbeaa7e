"""Rights over a venue's texts and images, in forms that programs read, by the choice of `[rights]` in `venue.toml`.

    text_and_data_mining = "reserved"     or "allowed"; reserved by default
    policy = "https://…"                  what a licence for mining asks, for who wants one
    licence = "https://…"                 under which texts and images may be used

Reserving is the right of article 4(3) of directive (EU) 2019/790; TDMRep (W3C Community Group) is how it is said. Robots
that train models are told by the public list `crawler-user-agents`; those that search engines answer from are let in.
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from aggregations.venue import Venue

_CLASS = re.compile(r"\[(\w)\w*\]")
_TOKEN = re.compile(r"[\w .-]+")


def headers(venue: Venue) -> dict[str, str]:
    """Return the HTTP headers of TDMRep, which pages repeat as `meta`."""
    said = {"tdm-reservation": "1" if reserved(venue) else "0"}
    return said | ({"tdm-policy": venue.rights["policy"]} if "policy" in venue.rights else {})


def reserved(venue: Venue) -> bool:
    """Tell whether text and data mining is reserved; it is unless the venue says otherwise."""
    return venue.rights.get("text_and_data_mining", "reserved") == "reserved"


def path(venue: Venue) -> str:
    """Return the path under which the events are served: `/`, `/agenda/`."""
    return urlsplit(venue.site.get("base", "")).path or "/"


def tdmrep(venue: Venue) -> str:
    """Return `tdmrep.json`, to be served at the host's `/.well-known/`."""
    said: dict[str, str | int] = {"location": f"{path(venue)}*", "tdm-reservation": int(reserved(venue))}
    policy = {"tdm-policy": venue.rights["policy"]} if "policy" in venue.rights else {}
    return json.dumps([said | policy], indent=2) + "\n"


def robots(venue: Venue) -> str:
    """Return `robots.txt`, whose lines go into that of the host."""
    lines = ["User-agent: *", "Allow: /", ""]
    if reserved(venue):
        lines += [f"User-agent: {name}" for name in crawlers()] + [f"Disallow: {path(venue)}", ""]
    if base := venue.site.get("base"):
        lines.append(f"Sitemap: {base}sitemap.xml")
    return "\n".join(lines).rstrip("\n") + "\n"


def crawlers() -> list[str]:
    """Return the names, as `robots.txt` writes them, of known robots that gather texts for models."""
    from crawleruseragents import CRAWLER_USER_AGENTS_DATA

    found: set[str] = set()
    for entry in CRAWLER_USER_AGENTS_DATA:
        tags = entry.get("tags", [])
        name = _CLASS.sub(r"\1", entry["pattern"]).removesuffix("\\/").replace("\\.", ".")
        if "ai-crawler" in tags and "search-engine" not in tags and _TOKEN.fullmatch(name):
            found.add(name)
    return sorted(found, key=str.lower)


def server_files(venue: Venue) -> dict[str, str]:
    """Return what has a server send the headers, by file: nginx, Apache, and hosts that read `_headers`."""
    said = headers(venue)
    nginx = "".join(f'    add_header {name} "{value}" always;\n' for name, value in said.items())
    apache = "".join(f'  Header always set {name} "{value}"\n' for name, value in said.items())
    return {
        "headers/nginx.conf": f"location {path(venue)} {{\n{nginx}}}\n",
        "headers/apache.htaccess": f"<IfModule mod_headers.c>\n{apache}</IfModule>\n",
        "public/_headers": f"{path(venue)}*\n" + "".join(f"  {name}: {value}\n" for name, value in said.items()),
    }
