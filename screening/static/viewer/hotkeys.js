// Keys: which does what, told apart on any keyboard, and editable.

import { TOOLS } from "./tools.js";

export const DEFAULT_KEYS = Object.freeze(Object.fromEntries(TOOLS.map((tool) => [tool.id, tool.key])));
/** Left to the browser and the keyboard cursor. */
const RESERVED = new Set(["Tab", "Enter", "Escape", "Delete", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);
const MAX_KEY_LENGTH = 20;

/** A wrong map of keys; `code` and `detail` as PictureError's. */
export class HotkeyError extends Error {
  constructor(code, detail) {
    super(`${code}: ${detail}`);
    Object.assign(this, { code, detail });
  }
}

/**
 * Keys of a person over the usual ones.
 * @param {Record<string, string>} changes tool → key ("q", "Space", "F2", "Ctrl+k"); "" takes a tool its key
 * @throws {HotkeyError} for unknown tools, impossible keys, and keys that would do two things
 */
export function hotkeys(changes) {
  if (changes === null || typeof changes !== "object" || Array.isArray(changes)) throw new HotkeyError("hotkeyMap", "no map");
  const map = { ...DEFAULT_KEYS };
  for (const [tool, key] of Object.entries(changes)) {
    if (!Object.hasOwn(map, tool)) throw new HotkeyError("hotkeyMap", tool.slice(0, 40));
    if (typeof key !== "string" || key.length > MAX_KEY_LENGTH || RESERVED.has(key)) throw new HotkeyError("hotkeyMap", tool);
    map[tool] = key.length === 1 ? key.toLowerCase() : key;
  }
  const users = Map.groupBy(Object.keys(map).filter((tool) => map[tool]), (tool) => map[tool]);
  const conflicts = [...users].filter(([, tools]) => tools.length > 1);
  if (conflicts.length) {
    throw new HotkeyError("hotkeys", conflicts.map(([key, tools]) => `${key} (${tools.join(", ")})`).join("; "));
  }
  return Object.freeze(map);
}

/** The tool a key event asks for, or null. Letters and digits are found by place where the layout writes others. */
export function toolOf(event, map) {
  const names = namesOf(event);
  const found = Object.entries(map).filter(([, key]) => key && names.includes(key));
  found.sort(([, one], [, other]) => names.indexOf(one) - names.indexOf(other));
  return found.length ? found[0][0] : null;
}

function namesOf(event) {
  const held = (event.ctrlKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "") + (event.metaKey ? "Meta+" : "");
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const place = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(event.code)?.[1].toLowerCase();
  // On French keyboards the upper row writes digits only with Shift; on Arabic ones no key writes a Latin letter.
  return [held + key, ...(place ? [held + place] : []), ...(key === "=" ? [`${held}+`] : [])];
}

/** True where keys belong to what has the focus: text fields always, Space and Enter also on buttons and links. */
export function isTaken(event) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.closest("input:not([type=range]), textarea, select, [contenteditable]")) return true;
  if (target.matches("input[type=range]") && event.key.startsWith("Arrow")) return true;
  return [" ", "Enter"].includes(event.key) && target.closest("button, a, summary") !== null;
}
