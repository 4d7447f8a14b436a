// The viewer as its person left it: words, looks, tools and keys, the same at the desk and in an exercise.

import { viewerStrings } from "./words.js";

/** @param {HTMLElement} viewer @param {{looks: {name: string}[], preferences: object}} page */
export function makeOwn(viewer, { looks, preferences }) {
  viewer.strings = viewerStrings;
  viewer.looks = Object.fromEntries(looks.map((look) => [look.name, look]));
  viewer.setAttribute("next-parcel", preferences.next_parcel === "reset" ? "reset" : "keep");
  if (preferences.preset) viewer.preset = preferences.preset;
  if (preferences.hotkeys) viewer.setHotkeys(preferences.hotkeys);
}
