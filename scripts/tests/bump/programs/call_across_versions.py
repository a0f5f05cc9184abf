"""Calls a server with whichever version of the client is installed, and prints the outcomes as JSON.

python call_across_versions.py URL TEMPERATURE MODEL MEMBER [VERSION]
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


def read(client, model, member):
    result = client.balance.retrieve() if model == "Balance" else client.models.list().data[0]
    return {"sent": member in result.to_dict(), "typed": hasattr(type(result), member)}


def crew(client):
    return client.crew.retrieve().to_dict() if hasattr(client, "crew") else "no method"


url, temperature, model, member = sys.argv[1:5]
version = (sys.argv[5:] or [aurous.API_VERSION])[0]
with aurous.Aurous("al_live_" + "0" * 64, base_url=url, api_version=version, max_retries=0) as client:
    outcomes = {
        "speaks": aurous.API_VERSION,
        "plain": attempt(lambda: create(client)),
        "warm": attempt(lambda: create(client, temperature=float(temperature))),
        "most": attempt(lambda: create(client, reasoning_effort="most")),
        "mood": attempt(lambda: create(client, **({"mood": "calm"} if aurous.API_VERSION > "2026-12" else {}))),
        "member": attempt(lambda: read(client, model, member)),
        "crew": attempt(lambda: crew(client)),
    }
print(json.dumps(outcomes))
