// The JavaScript SDK of OpenAI. Results are written as those of driver_kit.py.

import assert from "node:assert";
import { writeFileSync } from "node:fs";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";

const MODEL = "aurous-grow-2.0-pro";
const client = new OpenAI({
  baseURL: `${process.env.COMPAT_URL}/v1`,
  apiKey: process.env.COMPAT_KEY,
  maxRetries: 0,
  timeout: 60_000,
});
const Person = z.object({ name: z.string(), age: z.number().int() });
const WEATHER = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

function ask(content, options = {}) {
  const messages = [{ role: "user", content }];
  return client.chat.completions.create({ model: MODEL, messages, ...options });
}

const checks = {
  async call() {
    const answer = await ask("Name three colours.", { max_completion_tokens: 50, temperature: null });
    assert(answer.choices[0].message.content);
  },
  async stream() {
    const pieces = [];
    for await (const chunk of await ask("Name three colours.", { stream: true })) {
      pieces.push(chunk.choices[0]?.delta?.content ?? "");
    }
    assert(pieces.length > 1 && pieces.join(""));
  },
  async tools() {
    const answer = await ask("What is the weather in Oslo?", { tools: [WEATHER] });
    assert(JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments).city);
  },
  async structured() {
    const messages = [{ role: "user", content: "Invent a person." }];
    const response_format = zodResponseFormat(Person, "person");
    const answer = await client.chat.completions.parse({ model: MODEL, messages, response_format });
    assert(Number.isInteger(answer.choices[0].message.parsed.age));
  },
  async errors() {
    await assert.rejects(ask("Name three colours.", { model: "no-such-model" }), OpenAI.NotFoundError);
  },
};

const results = {};
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    results[name] = { result: "passed", reason: "" };
  } catch (error) {
    console.error(error);
    results[name] = { result: "failed", reason: String(error) };
  }
}
writeFileSync(process.env.COMPAT_RESULTS, JSON.stringify(results));
