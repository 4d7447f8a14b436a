// The server: JSON there and back. What it refuses and what did not arrive are told apart.

const TIMEOUT_MS = 8000;
const token = document.querySelector('meta[name="csrf-token"]')?.content ?? "";

/** The server understood and said no; `error` and `remedy` are for the person. */
export class Refusal extends Error {
  constructor(status, error, remedy) {
    super(error);
    Object.assign(this, { status, error, remedy });
  }
}

/** Nobody knows whether the server heard it: send the same again. */
export class Lost extends Error {}

/** @throws {Refusal | Lost} */
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      headers: { Accept: "application/json", "X-CSRF-Token": token, ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    throw new Lost(error.name);
  }
  if (response.status >= 500 || response.status === 429) throw new Lost(String(response.status));
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer.error ?? String(response.status), answer.remedy ?? "");
  return answer;
}

/** A new name for something a person does: sent again under it, it is done once. */
export const requestId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
