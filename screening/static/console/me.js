// One's own look and keys, kept by the server for every console.

import { HotkeyError, DEFAULT_KEYS, hotkeys } from "/static/viewer/hotkeys.js";
import { Lost, Refusal, call } from "./api.js";
import { byId, keyCap, make, setText } from "./dom.js";
import { viewerStrings, word } from "./words.js";

/** Keys of the desk itself, and of the shipped procedures. */
const DESK_KEYS = new Set(["r", "s", "h", "o", "x", "c", "k", "q", "?"]);
const BROWSER_KEYS = new Set(["Tab", "Enter", "Escape", "Delete", "F5", "F11", "F12", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]);
const YEAR_S = 31_536_000;
let preferences = JSON.parse(byId("preferences").textContent);

async function keep(changes) {
  const wanted = { ...preferences, ...changes };
  try {
    preferences = await call("PUT", "/api/me/preferences", wanted);
    tell(word("saved"));
    return true;
  } catch (error) {
    if (!(error instanceof Refusal || error instanceof Lost)) throw error;
    tell(error instanceof Lost ? word("notSaved") : `${error.error}. ${error.remedy}`, true);
    return false;
  }
}

function tell(text, bad = false) {
  const told = byId("told");
  told.hidden = false;
  told.classList.toggle("bad", bad);
  setText(told, text);
}

const look = byId("look");
look.elements.theme.value = document.documentElement.dataset.theme;
look.elements.next_parcel.value = preferences.next_parcel ?? "keep";
look.addEventListener("change", async () => {
  const theme = look.elements.theme.value;
  document.documentElement.dataset.theme = theme;
  document.cookie = `parcelsight_theme=${theme}; path=/; max-age=${YEAR_S}; samesite=strict${location.protocol === "https:" ? "; secure" : ""}`;
  await keep({ theme, next_parcel: look.elements.next_parcel.value });
});

// Keys

const list = byId("hotkeys");

function rows() {
  const map = hotkeys(preferences.hotkeys ?? {});
  list.replaceChildren(...Object.keys(DEFAULT_KEYS).map((tool) => {
    const name = viewerStrings[`tool.${tool}`];
    const key = map[tool];
    const button = make("button", { type: "button", "aria-label": `${word("changeKey", { tool: name })}: ${key || word("noKey")}`, "data-tool": tool },
      key ? keyCap(key) : word("noKey"));
    button.addEventListener("click", () => listen(button, tool));
    return make("li", {}, make("span", { title: viewerStrings[`hint.${tool}`] }, name), button);
  }));
}

function listen(button, tool) {
  button.textContent = word("pressKey");
  const done = new AbortController();
  const { signal } = done;
  button.addEventListener("blur", () => { done.abort(); rows(); }, { signal });
  button.addEventListener("keydown", async (event) => {
    if (["Shift", "Control", "Alt", "Meta", "Tab"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    done.abort();
    if (event.key !== "Escape") await change(tool, keyOf(event));
    rows();
    list.querySelector(`[data-tool="${tool}"]`).focus();
  }, { signal });
}

function keyOf(event) {
  if (event.key === "Backspace") return "";
  const held = (event.ctrlKey ? "Ctrl+" : "") + (event.altKey ? "Alt+" : "");
  const key = event.key === " " ? "Space" : event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return held + key;
}

async function change(tool, key) {
  byId("conflict").hidden = true;
  if (DESK_KEYS.has(key) || BROWSER_KEYS.has(key)) return refuse(word("reserved", { key: key.toUpperCase() }));
  const changes = { ...preferences.hotkeys, [tool]: key };
  try {
    hotkeys(changes);
  } catch (error) {
    if (!(error instanceof HotkeyError)) throw error;
    return refuse(word("conflict", { keys: named(error.detail) }));
  }
  return keep({ hotkeys: changes });
}

/** Tools in the conflict by the words people know. */
const named = (detail) => detail.replace(/\w+/g, (part) => viewerStrings[`tool.${part}`] ?? part);

function refuse(text) {
  byId("conflict").hidden = false;
  setText(byId("conflict"), text);
}

if (list) {
  try {
    rows();
  } catch (error) {
    if (!(error instanceof HotkeyError)) throw error;
    preferences = { ...preferences, hotkeys: {} };
    rows();
  }
  byId("keys-usual").addEventListener("click", async () => { if (await keep({ hotkeys: {} })) rows(); });
}
