// A person's own settings of the picture tools: three keys bring them back, with Shift they keep the tools as they stand.

import { Lost, Refusal, call } from "./api.js";
import { byId, make } from "./dom.js";
import { word } from "./words.js";

export const PRESET_KEYS = ["F2", "F3", "F4"];

/** @param {{viewer: HTMLElement, presets: Record<string, object>, told: (text: string, bad?: boolean) => void}} desk */
export function ownPresets({ viewer, presets, told }) {
  const kept = { ...presets };
  const buttons = PRESET_KEYS.map((key) => {
    const button = make("button", { type: "button", "aria-keyshortcuts": key, title: word("presetHint", { key }) }, make("kbd", {}, key));
    button.addEventListener("click", (event) => (event.shiftKey ? keep(key) : recall(key)));
    return button;
  });
  byId("presets").replaceChildren(...buttons);
  showKept();

  /** A key under which nothing is kept is dimmed. */
  function showKept() {
    PRESET_KEYS.forEach((key, at) => buttons[at].toggleAttribute("data-kept", Boolean(kept[key])));
  }

  function recall(key) {
    if (!kept[key]) return told(word("presetNone", { key }));
    viewer.preset = kept[key];
    return told(word("presetBack", { key }));
  }

  async function keep(key) {
    try {
      const preferences = await call("GET", "/api/me/preferences");
      const wanted = { ...preferences.presets, [key]: viewer.preset };
      await call("PUT", "/api/me/preferences", { ...preferences, presets: wanted, preset: wanted[PRESET_KEYS[0]] ?? null });
      kept[key] = viewer.preset;
      showKept();
      told(word("presetKept", { key }));
    } catch (error) {
      if (!(error instanceof Refusal || error instanceof Lost)) throw error;
      told(error instanceof Lost ? word("notSaved") : `${error.error}. ${error.remedy}`, true);
    }
  }

  window.addEventListener("keydown", (event) => {
    if (!PRESET_KEYS.includes(event.key) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (!event.repeat) (event.shiftKey ? keep : recall)(event.key);
  });
}
