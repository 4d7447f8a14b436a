// What lies on the desk: the picture, the settings, alarms and marks, and what tools do to them. Knows no HTML.

import { cleanAlarms, strongest } from "./alarms.js";
import { apply, heldInside, inverse, layout, placement } from "./geometry.js";
import { DEFAULT_KEYS } from "./hotkeys.js";
import { toneCurve } from "./measure.js";
import { CANONICAL } from "./palettes.js";
import { History, INITIAL, forNextParcel } from "./state.js";
import { say } from "./strings.js";
import { TOOL, TOOLS, clampZoom, gammaTo, recipeOf } from "./tools.js";

const PEEK_MS = 350;
const ZOOM_STEP = 1.4;
const SAME_CHANGE_MS = 600;
const ALARM_SHARE = 0.45;
const POINTED = "pointed";
/** Half the side of the box at a place pointed at, of the picture's longer side. */
const POINTED_SHARE = 0.012;

/** @param {{changed: () => void, told: (text: string) => void, emitted: (name: string, detail: object) => void}} ears */
export class Desk {
  /** A key that is held for so long only peeks. */
  peekAfterMs = PEEK_MS;

  constructor(ears) {
    this.ears = ears;
    this.picture = null;
    this.views = [];
    this.state = INITIAL;
    this.home = INITIAL;
    this.history = new History();
    this.strings = {};
    this.looks = {};
    this.keys = DEFAULT_KEYS;
    this.size = { width: 1, height: 1 };
    this.plain = false;
    this.hover = null;
    this.wipe();
    this.held = null;
    this.lastChange = { kind: "", at: 0 };
  }

  say(key, fields) {
    return say(this.strings, key, fields);
  }

  /** Take everything of the last parcel away. */
  wipe() {
    Object.assign(this, { alarms: [], marks: [], verdicts: new Map(), chosen: null, measure: null, cursor: null, hidden: false });
    this.tones = [];
  }

  show(picture, keep) {
    this.picture = picture;
    this.views = picture ? picture.views : [];
    this.wipe();
    this.history.forget();
    this.set(forNextParcel(this.state, keep, this.home), "");
  }

  /** @returns {number} how many alarms could not be read */
  setAlarms(list) {
    const { alarms, broken } = cleanAlarms(list, this.views);
    this.alarms = alarms;
    if (this.chosen && !this.everything().some(({ id }) => id === this.chosen)) this.chosen = null;
    this.ears.emitted("xray-alarms", { count: alarms.length, broken });
    this.ears.changed();
    return broken;
  }

  /** Alarms and own marks with what was said of them. */
  everything() {
    const all = [...this.alarms, ...this.marks];
    return all.map((alarm) => ({ ...alarm, verdict: this.verdicts.get(alarm.id) ?? null }));
  }

  // State

  /** Replace the state; changes of one kind shortly after each other are one step of undo. */
  set(next, kind) {
    if (next === this.state) return;
    const now = performance.now();
    const same = kind !== "" && kind === this.lastChange.kind && now - this.lastChange.at < SAME_CHANGE_MS;
    if (kind && !same) this.history.remember(this.state);
    this.lastChange = { kind, at: now };
    this.state = Object.freeze(next);
    this.ears.changed();
    this.ears.emitted("xray-state", { state: this.state });
  }

  /** Whether a tool is on, and in words why it is not to be had. */
  toolState(id) {
    const tool = TOOL[id];
    const { views, plain, alarms, chosen, history } = this;
    const threat = alarms.find((alarm) => alarm.id === chosen);
    const facts = { kinds: views.map((view) => view.kind), plain, alarms: alarms.length, chosen: threat, canUndo: !history.isEmpty };
    const missing = views.length === 0 ? "noPicture" : tool.reason(facts);
    return { on: tool.isOn ? Boolean(tool.isOn(this.state)) : null, reason: missing && this.say(`reason.${missing}`) };
  }

  /** Which image tools this picture has not got, and why: one line, empty where it has all. */
  missing() {
    const tools = TOOLS.filter(({ group }) => group === "image").map(({ id }) => ({ id, reason: this.toolState(id).reason }));
    const reasons = Map.groupBy(tools.filter(({ reason }) => reason), ({ reason }) => reason);
    return [...reasons].map(([reason, closed]) => `${closed.map(({ id }) => this.say(`tool.${id}`)).join(", ")}: ${reason}`).join(" ");
  }

  /** A tool's key or button went down, at the event's own time: a slow frame must not make a tap a peek. */
  press(id, at = performance.now()) {
    this.held = { id, before: this.state, at };
    if (id === "hide") this.#hide(true);
    else this.run(id);
  }

  /** … and up again: held for a while, it was a peek, and everything is as before. */
  release(id, at = performance.now()) {
    if (id === "hide") this.#hide(false);
    const held = this.held?.id === id ? this.held : null;
    if (!held) return;
    this.held = null;
    if (TOOL[id].peeks && at - held.at >= this.peekAfterMs && this.state !== held.before) {
      this.history.back();
      this.set(held.before, "");
    }
  }

  #hide(hidden) {
    this.hidden = hidden;
    this.ears.changed();
  }

  /** Do what a tool does; where it cannot be, say why. */
  run(id) {
    const tool = TOOL[id];
    const { reason } = this.toolState(id);
    const name = this.say(`tool.${id}`);
    if (reason) {
      this.ears.told(this.say("say.refused", { tool: name, reason }));
      return;
    }
    if (!tool.change) {
      this[ACTIONS[id]]();
      return;
    }
    this.set(tool.change(this.state), id === "lighter" || id === "darker" ? "gamma" : `${id}${performance.now()}`);
    if (id === "lighter" || id === "darker") this.ears.told(this.say("say.gamma", { value: this.state.gamma }));
    else if (tool.group === "hand") this.beginWith(this.state.drag);
    else if (tool.isOn) this.ears.told(this.say(tool.isOn(this.state) ? "say.on" : "say.off", { tool: name }));
    if (id === "aid" && !this.state.aid) this.ears.told(this.say("say.aidOff", { key: this.keys.aid }));
  }

  beginWith(drag) {
    this.measure = null;
    this.cursor = null;
    const words = { ruler: "say.rulerStart", area: "say.boxStart", mark: "say.boxStart" }[drag];
    this.ears.told(words ? this.say(words) : this.say("say.on", { tool: this.say(`tool.${drag}`) }));
    this.ears.changed();
  }

  dragGamma(gamma) {
    this.set(gammaTo(this.state, gamma), "gamma drag");
    this.ears.told(this.say("say.gamma", { value: this.state.gamma }), false);
  }

  nextPalette() {
    const names = [CANONICAL, ...Object.keys(this.looks)];
    const palette = names[(names.indexOf(this.state.palette) + 1) % names.length];
    this.set({ ...this.state, palette, grey: false }, `palette${palette}`);
    this.ears.told(this.say("say.palette", { name: palette }));
  }

  undo() {
    const back = this.history.back();
    if (back) this.set(back, "");
    this.ears.told(this.say("tool.undo"));
  }

  reset() {
    const { drag, aid } = this.state;
    this.set({ ...this.home, drag, aid, zoom: 1, centres: [] }, `reset${performance.now()}`);
    this.measure = null;
    this.ears.told(this.say("tool.reset"));
  }

  /** One recipe a view. */
  recipes() {
    return this.views.map((view, at) => {
      const tone = this.state.equalise ? (this.tones[at] ??= toneCurve(view)) : null;
      return recipeOf(this.state, view, tone);
    });
  }

  // Place

  /** Panes with the matrix from scan px to stage px, and the scale. */
  panes() {
    if (!this.views.length) return [];
    const { state, size } = this;
    const { fit, panes } = layout(this.views, size.width, size.height, state.turn);
    return panes.map((pane, at) => {
      const centre = this.#centre(at, pane, fit * state.zoom);
      return { ...pane, centre, scale: fit * state.zoom, matrix: placement(this.views[at], pane, fit, state, centre) };
    });
  }

  #centre(at, pane, scale) {
    const wished = this.state.centres[at] ?? { x: 0.5, y: 0.5 };
    return heldInside(wished, this.views[at], pane, scale, this.state.turn);
  }

  zoomIn() {
    this.zoomBy(ZOOM_STEP);
  }

  zoomOut() {
    this.zoomBy(1 / ZOOM_STEP);
  }

  /** Zoom with a stage point standing still; the pane's middle where none is given. */
  zoomBy(factor, at = 0, point = null) {
    const pane = this.panes()[at];
    if (!pane) return;
    const still = point ?? { x: pane.x + pane.width / 2, y: pane.y + pane.height / 2 };
    const zoom = clampZoom(this.state.zoom * factor);
    const scan = apply(inverse(pane.matrix), still);
    const grown = pane.matrix.map((value, part) => (part < 4 ? (value * zoom) / this.state.zoom : 0));
    const off = apply(inverse(grown), { x: still.x - pane.x - pane.width / 2, y: still.y - pane.y - pane.height / 2 });
    this.#look(at, { x: scan.x - off.x, y: scan.y - off.y }, zoom, "zoom");
    this.ears.told(this.say("say.zoom", { value: zoom }), false);
  }

  /** Move the picture by stage px. */
  panBy(dx, dy, at = 0) {
    const pane = this.panes()[at];
    if (!pane) return;
    const linear = [...pane.matrix.slice(0, 4), 0, 0];
    const off = apply(inverse(linear), { x: dx, y: dy });
    const { width, height } = this.views[at];
    this.#look(at, { x: pane.centre.x * width - off.x, y: pane.centre.y * height - off.y }, this.state.zoom, "pan");
  }

  /** Bring a scan point into the middle. */
  centreOn(at, point) {
    this.#look(at, point, this.state.zoom, "pan");
  }

  /** Views share the belt's direction: their rows move together, their columns apart. */
  #look(at, point, zoom, kind) {
    const panes = this.panes();
    const own = { x: point.x / this.views[at].width, y: point.y / this.views[at].height };
    const scale = (panes[at].scale * zoom) / this.state.zoom;
    const held = heldInside(own, this.views[at], panes[at], scale, this.state.turn);
    const centres = panes.map((pane, index) => (index === at ? held : { x: pane.centre.x, y: held.y }));
    this.set({ ...this.state, zoom, centres }, kind);
  }

  zoomToAlarm() {
    const alarm = strongest(this.alarms);
    const pane = this.panes()[alarm.view];
    const [x1, y1, x2, y2] = alarm.box;
    const fit = pane.scale / this.state.zoom;
    const wanted = (ALARM_SHARE * Math.min(pane.width, pane.height)) / (Math.max(x2 - x1, y2 - y1) * fit);
    this.#look(alarm.view, { x: (x1 + x2) / 2, y: (y1 + y2) / 2 }, clampZoom(wanted), `alarm${performance.now()}`);
    this.choose(alarm.id);
  }

  // Alarms

  choose(id) {
    const all = this.everything();
    const at = all.findIndex((alarm) => alarm.id === id);
    if (at < 0 || this.chosen === id) return;
    this.chosen = id;
    const label = [all[at].label, all[at].words].filter(Boolean).join(" · ") || this.say("alarm.dense");
    this.ears.told(this.say("say.alarm", { at: at + 1, count: all.length, label }), false);
    this.ears.emitted("xray-alarm-chosen", { id });
    this.ears.changed();
  }

  /** A place pointed at, as a small box of the person's own: {view, x, y, label}; null takes it away. */
  point(place) {
    this.marks = this.marks.filter(({ id }) => id !== POINTED);
    const view = place ? Math.max(0, this.views.findIndex(({ name }) => name === place.view)) : -1;
    if (place && this.views[view]) {
      const half = POINTED_SHARE * Math.max(this.views[view].width, this.views[view].height);
      const box = [place.x - half, place.y - half, place.x + half, place.y + half];
      this.marks = [...this.marks, { id: POINTED, view, box, label: place.label, words: "", family: "own", own: true, dense: false, strength: 0 }];
    }
    this.ears.changed();
  }

  judgeRight() {
    this.#judge("right");
  }

  judgeWrong() {
    this.#judge("wrong");
  }

  #judge(verdict) {
    const alarm = this.alarms.find(({ id }) => id === this.chosen);
    const said = this.verdicts.get(alarm.id) === verdict ? null : verdict;
    this.verdicts.set(alarm.id, said);
    this.ears.emitted("xray-alarm-judged", { id: alarm.id, verdict: said });
    this.ears.told(this.say(said ? `say.${said}` : "tool.undo", { label: alarm.label }));
    this.ears.changed();
  }
}

const ACTIONS = {
  palette: "nextPalette", zoomIn: "zoomIn", zoomOut: "zoomOut", zoomAlarm: "zoomToAlarm", undo: "undo", reset: "reset",
  right: "judgeRight", wrong: "judgeWrong",
};
