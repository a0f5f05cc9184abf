"""Calls a server with whichever version of the client is installed, and prints what came of it as JSON.

python call_across_versions.py URL [VERSION]
"""

import json
import sys

import aurous

QUESTION = {"model": "aurous-grow-2.0-pro", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}


def attempt(call):
    try:
        return call()
    except aurous.AurousError as error:
        return {"error": type(error).__name__, "code": getattr(error, "code", None)}


def create(client, **extra):
    completion = client.chat.completions.create(**QUESTION, **extra)
    return {"finish_reason": completion.choices[0].finish_reason}


def balance(client):
    found = client.balance.retrieve()
    return {"members": sorted(found.to_dict()), "typed": sorted(name for name in dir(found) if name == "billing_mode")}


def team(client):
    return client.team.retrieve().to_dict() if hasattr(client, "team") else "no method"


url, version = sys.argv[1], (sys.argv[2:] or [aurous.API_VERSION])[0]
with aurous.Aurous("al_live_" + "0" * 64, base_url=url, api_version=version, max_retries=0) as client:
    told = {
        "speaks": aurous.API_VERSION,
        "plain": attempt(lambda: create(client)),
        "warm": attempt(lambda: create(client, temperature=1.8)),
        "most": attempt(lambda: create(client, reasoning_effort="most")),
        "mood": attempt(lambda: create(client, **({"mood": "calm"} if aurous.API_VERSION > "2099" else {}))),
        "balance": attempt(lambda: balance(client)),
        "team": attempt(lambda: team(client)),
    }
print(json.dumps(told))
