// What a person has set: one frozen value, replaced on every change, so that undo and peeking are simple.

import { CANONICAL } from "./palettes.js";

export const VERSION = 1;
export const MATERIALS = ["all", "organic", "strip", "metal"];
export const PENETRATIONS = ["normal", "low", "high", "super"];
export const DRAGS = ["gamma", "pan", "ruler", "area", "mark"];
export const GAMMA = { least: 0.2, most: 5 };
export const MAX_ZOOM = 40;
const UNDO_STEPS = 50;

export const INITIAL = Object.freeze({
  palette: CANONICAL, grey: false, material: "all", penetration: "normal",
  negative: false, edges: false, equalise: false, gamma: 1,
  drag: "gamma", loupe: false, inspect: false, minimap: true, aid: true,
  turn: 0, flip: false, zoom: 1, centres: Object.freeze([]),
});
/** What `preset` saves: tools, not the place one looks at. */
const PRESET_KEYS = Object.keys(INITIAL).filter((key) => !["zoom", "centres"].includes(key));
/** What a new parcel always begins with. */
const PLACE = { zoom: 1, centres: Object.freeze([]) };

const CHECKS = {
  palette: (value) => typeof value === "string" && value.length <= 100,
  material: (value) => MATERIALS.includes(value),
  penetration: (value) => PENETRATIONS.includes(value),
  gamma: (value) => Number.isFinite(value) && value >= GAMMA.least && value <= GAMMA.most,
  drag: (value) => DRAGS.includes(value),
  turn: (value) => [0, 1, 2, 3].includes(value),
};

/** Settings as plain JSON. */
export function toPreset(state) {
  return { version: VERSION, ...Object.fromEntries(PRESET_KEYS.map((key) => [key, state[key]])) };
}

/** Settings from untrusted JSON over the initial ones; null where they are not ours. */
export function fromPreset(preset) {
  if (preset === null || typeof preset !== "object" || preset.version !== VERSION) return null;
  const { version: _version, ...values } = preset;
  const sound = Object.entries(values).every(([key, value]) =>
    PRESET_KEYS.includes(key) && (CHECKS[key] ?? ((flag) => typeof flag === "boolean"))(value));
  return sound ? Object.freeze({ ...INITIAL, ...values }) : null;
}

/** The settings a new parcel begins with: as they were left, or as saved. */
export const forNextParcel = (state, keep, home) => Object.freeze({ ...(keep ? state : home), ...PLACE });

/** States passed through, newest last. */
export class History {
  #past = [];

  /** Remember a state one may go back to. */
  remember(state) {
    if (this.#past.at(-1) === state) return;
    this.#past.push(state);
    if (this.#past.length > UNDO_STEPS) this.#past.shift();
  }

  back() {
    return this.#past.pop() ?? null;
  }

  forget() {
    this.#past = [];
  }

  get isEmpty() {
    return this.#past.length === 0;
  }
}
