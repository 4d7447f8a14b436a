// The tools: what each does to the state, what it needs, and the recipe that the renderers develop by.

import { LINEAR, MONOCHROME } from "./palettes.js";
import { DEEPEST } from "./physics.js";
import { GAMMA, INITIAL, MATERIALS, MAX_ZOOM } from "./state.js";

const GAMMA_STEP = 1.15;
const EDGE_STRENGTH = 2.2;
const WHOLE = [0, DEEPEST, DEEPEST];
/** Attenuation window [from, to, shown as]: what lies between is spread over the visible shades. */
const WINDOWS = {
  normal: { levels: WHOLE, colours: WHOLE },
  low: { levels: [0, 1.1, 3.4], colours: [0, 0.9, 2.6] },
  high: { levels: [0.7, 4.8, 3.4], colours: [0.7, 4.0, 3.0] },
  super: { levels: [1.6, 5.6, 3.2], colours: WHOLE },
};

const set = (changes) => (state) => ({ ...state, ...changes });
const toggle = (field) => (state) => ({ ...state, [field]: !state[field] });
const choose = (field, value, none, also = {}) => (state) => ({
  ...state, ...also, [field]: state[field] === value ? none : value,
});
const gammaBy = (factor) => (state) => ({
  ...state, gamma: Math.min(GAMMA.most, Math.max(GAMMA.least, state.gamma * factor)),
});

const dualOnly = ({ kinds }) => (kinds.every((kind) => kind === "dual-energy") ? null : "needsEnergies");
const levelsOnly = ({ kinds }) => (kinds.every((kind) => kind === "dual-energy" || kind === "grey-16") ? null : "needsLevels");
const notGrey = ({ kinds }) => (kinds.every((kind) => kind.startsWith("grey")) ? "isGrey" : null);
const anyPicture = () => null;

const image = (id, key, change, isOn, reason = anyPicture) => ({ id, key, group: "image", change, isOn, reason, peeks: true });
const mode = (id, key, drag, reason = anyPicture) => ({
  id, key, group: "hand", change: choose("drag", drag, "gamma"), isOn: (state) => state.drag === drag, reason, peeks: false,
});
const look = (id, key, field, peeks = true) => ({
  id, key, group: "look", change: toggle(field), isOn: (state) => state[field], reason: anyPicture, peeks,
});
const act = (id, key, group, reason = anyPicture) => ({ id, key, group, change: null, isOn: null, reason, peeks: false });

const chosen = ({ chosen: alarm }) => (alarm ? null : "needsChosen");

/** All tools in the order they are shown. A tool without `change` is an action of the viewer. */
export const TOOLS = [
  image("colour", "1", set({ grey: false, material: "all" }), (state) => !state.grey && state.material === "all", notGrey),
  image("grey", "2", choose("grey", true, false, { material: "all" }), (state) => state.grey, notGrey),
  image("negative", "3", toggle("negative"), (state) => state.negative),
  image("organic", "4", choose("material", "organic", "all", { grey: false }), (state) => state.material === "organic", dualOnly),
  image("strip", "5", choose("material", "strip", "all", { grey: false }), (state) => state.material === "strip", dualOnly),
  image("metal", "6", choose("material", "metal", "all", { grey: false }), (state) => state.material === "metal", dualOnly),
  image("low", "7", choose("penetration", "low", "normal"), (state) => state.penetration === "low"),
  image("high", "8", choose("penetration", "high", "normal"), (state) => state.penetration === "high"),
  image("super", "0", choose("penetration", "super", "normal"), (state) => state.penetration === "super", levelsOnly),
  image("edges", "9", toggle("edges"), (state) => state.edges, ({ plain }) => (plain ? "needsNeighbours" : null)),
  image("equalise", "e", toggle("equalise"), (state) => state.equalise),
  act("palette", "p", "image", dualOnly),
  { ...act("darker", ",", "image"), change: gammaBy(1 / GAMMA_STEP) },
  { ...act("lighter", ".", "image"), change: gammaBy(GAMMA_STEP) },
  mode("gamma", "g", "gamma"),
  mode("pan", "v", "pan"),
  mode("ruler", "m", "ruler"),
  mode("area", "d", "area", levelsOnly),
  mode("mark", "b", "mark"),
  look("loupe", "l", "loupe"),
  look("inspect", "i", "inspect"),
  look("minimap", "n", "minimap", false),
  { ...act("zoomIn", "+", "place"), change: null },
  act("zoomOut", "-", "place"),
  act("zoomAlarm", "z", "place", ({ alarms }) => (alarms ? null : "needsAlarm")),
  { ...act("turn", "t", "place"), change: (state) => ({ ...state, turn: (state.turn + 1) % 4 }) },
  { ...act("flip", "f", "place"), change: toggle("flip") },
  look("aid", "a", "aid", false),
  act("hide", "Space", "aid"),
  act("right", "y", "aid", chosen),
  act("wrong", "w", "aid", chosen),
  act("undo", "u", "place", ({ canUndo }) => (canUndo ? null : "nothingToUndo")),
  act("reset", "Home", "place"),
];
export const TOOL = Object.freeze(Object.fromEntries(TOOLS.map((tool) => [tool.id, tool])));

/** Everything a renderer needs to develop one view. `tone` is the equalising curve or null. */
export function recipeOf(state, view, tone) {
  const dual = view.kind === "dual-energy";
  const coloured = view.kind === "pseudo-colour";
  const window = WINDOWS[state.penetration][coloured || view.kind === "grey-8" ? "colours" : "levels"];
  const deep = dual ? { normal: 0, low: 0, high: 0.5, super: 1 }[state.penetration] : 0;
  return {
    palette: dual ? (state.grey ? MONOCHROME : state.palette) : LINEAR,
    grey: state.grey,
    material: dual ? MATERIALS.indexOf(state.material) : 0,
    window,
    highShare: deep,
    gamma: state.gamma,
    edges: state.edges ? EDGE_STRENGTH : 0,
    calm: state.penetration === "super" && view.kind !== "pseudo-colour",
    negative: state.negative,
    tone,
  };
}

/** True where two states develop to the same picture. */
export const developsAlike = (one, other) =>
  ["palette", "grey", "material", "penetration", "negative", "edges", "equalise", "gamma"].every((key) => one[key] === other[key]);

export const clampZoom = (zoom) => Math.min(MAX_ZOOM, Math.max(1, zoom));
export const gammaTo = (state, gamma) => gammaBy(gamma / state.gamma)(state);
export const untouched = (state) => ({ ...INITIAL, drag: state.drag, aid: state.aid });
