// Boxes, labels, rulers and cursors over the picture, as SVG: sharp at any zoom, focusable, and read by screen readers.

import { apply, boxOnScreen } from "./geometry.js";
import { overlap, placeLabels } from "./labels.js";
import { say } from "./strings.js";

const SVG = "http://www.w3.org/2000/svg";
const LABEL_HEIGHT_PX = 26;
const LABEL_PADDING_PX = 8;
const FONT = "600 16px system-ui, 'Noto Sans', sans-serif";
/** Middle of the outline outside the box, so that it hides nothing of the object. */
const OUTSIDE_PX = 2;

export function svg(name, attributes = {}, children = []) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export class Overlay {
  #alarms = new Map();
  #layers = [];
  #pen = document.createElement("canvas").getContext("2d");
  #widths = new Map();

  /** @param {SVGSVGElement} root fills the stage; @param {(id: string) => void} chosen told of focus and clicks */
  constructor(root, chosen) {
    this.root = root;
    this.chosen = chosen;
    root.append(svg("defs", {}, [hatching()]));
  }

  /** One clipped layer a pane; coordinates stay those of the stage. */
  #layer(index, pane) {
    if (!this.#layers[index]) {
      const parts = { boxes: svg("g"), tools: svg("g", { class: "tools", "aria-hidden": "true" }), labels: svg("g", { class: "labels", "aria-hidden": "true" }) };
      const frame = svg("svg", {}, Object.values(parts));
      this.#layers[index] = { frame, ...parts };
      this.root.append(frame);
    }
    const layer = this.#layers[index];
    set(layer.frame, { x: pane.x, y: pane.y, width: pane.width, height: pane.height, viewBox: `${pane.x} ${pane.y} ${pane.width} ${pane.height}` });
    return layer;
  }

  /** Draw the scene: panes with matrices, alarms, marks, measures, cursors (viewer.js builds it). */
  draw(scene) {
    for (const { frame } of this.#layers.splice(scene.panes.length)) frame.remove();
    scene.panes.forEach((pane, index) => this.#layer(index, pane));
    this.#drawAlarms(scene);
    scene.panes.forEach((pane, index) => this.#drawTools(scene, pane, index));
  }

  focus(id) {
    this.#alarms.get(id)?.group.focus({ preventScroll: true });
  }

  #drawAlarms(scene) {
    const wanted = scene.showAid ? scene.alarms : scene.alarms.filter((alarm) => alarm.own);
    const ids = new Set(wanted.map((alarm) => alarm.id));
    for (const [id, { group, label }] of this.#alarms) {
      if (ids.has(id)) continue;
      group.remove();
      label.remove();
      this.#alarms.delete(id);
    }
    // Identity by id: an element is made once and moved, so a growing box never blinks, jumps or loses the focus.
    for (const alarm of wanted) this.#drawAlarm(scene, alarm);
    scene.panes.forEach((pane, index) => this.#drawLabels(wanted.filter((alarm) => alarm.view === index), pane));
  }

  #drawAlarm(scene, alarm) {
    if (!this.#alarms.has(alarm.id)) this.#alarms.set(alarm.id, this.#makeAlarm(alarm.id));
    const drawn = this.#alarms.get(alarm.id);
    const pane = scene.panes[alarm.view];
    const { boxes, labels } = this.#layers[alarm.view];
    if (drawn.group.parentNode !== boxes) boxes.append(drawn.group);
    if (drawn.label.parentNode !== labels) labels.append(drawn.label);
    const box = boxOnScreen(pane.matrix, alarm.box);
    drawn.screen = box;
    const around = {
      x: box.x - OUTSIDE_PX, y: box.y - OUTSIDE_PX, width: box.width + 2 * OUTSIDE_PX, height: box.height + 2 * OUTSIDE_PX,
    };
    set(drawn.halo, around);
    set(drawn.line, around);
    set(drawn.fill, box);
    set(drawn.group, {
      class: `alarm ${alarm.own ? "own" : alarm.family}${alarm.id === scene.chosen ? " chosen" : ""}${alarm.verdict ? ` ${alarm.verdict}` : ""}`,
      "aria-label": this.#spoken(scene, alarm), "aria-pressed": String(alarm.id === scene.chosen),
    });
    set(drawn.label, { class: drawn.group.getAttribute("class").replace("alarm", "label") });
    const words = [alarm.label || (alarm.dense ? say(scene.strings, "alarm.dense") : ""), alarm.words].filter(Boolean).join(" · ");
    const sign = { right: "✓ ", wrong: "✗ " }[alarm.verdict] ?? "";
    if (drawn.text.textContent !== sign + words) drawn.text.textContent = sign + words;
    drawn.width = this.#width(drawn.text.textContent) + 2 * LABEL_PADDING_PX;
  }

  #spoken({ strings, views }, alarm) {
    const label = alarm.label || (alarm.dense ? say(strings, "alarm.dense") : "");
    const view = say(strings, `view.${views[alarm.view].name}`).replace(/^view\./, "");
    return say(strings, "alarm.aria", { kind: alarm.own ? "" : say(strings, "alarm.kind"), label, words: alarm.words, view }).trim();
  }

  #makeAlarm(id) {
    const [fill, halo, line] = ["fill", "halo", "line"].map((name) => svg("rect", { class: name, rx: 1 }));
    const group = svg("g", { tabindex: 0, role: "button", "data-alarm": id }, [fill, halo, line]);
    for (const event of ["focus", "click"]) group.addEventListener(event, () => this.chosen(id));
    group.addEventListener("keydown", (event) => event.key === "Enter" && this.chosen(id));
    const [leader, ground, text] = [svg("line"), svg("rect", { rx: 4, height: LABEL_HEIGHT_PX }), svg("text")];
    return { group, fill, halo, line, label: svg("g", {}, [leader, ground, text]), leader, ground, text, place: null };
  }

  #drawLabels(alarms, pane) {
    const all = alarms.map((alarm) => this.#alarms.get(alarm.id));
    const seen = all.filter(({ screen, text }) => overlap(screen, pane) > 0 && text.textContent);
    for (const drawn of all) drawn.label.toggleAttribute("hidden", !seen.includes(drawn));
    const items = seen.map(({ screen, width, place }) => ({ box: screen, width, height: LABEL_HEIGHT_PX, before: place }));
    placeLabels(items, pane).forEach(({ x, y, place }, at) => {
      const drawn = seen[at];
      drawn.place = place;
      set(drawn.ground, { x, y, width: drawn.width });
      set(drawn.text, { x: x + drawn.width / 2, y: y + LABEL_HEIGHT_PX / 2 });
      const { screen: box } = drawn;
      const away = /\d$/.test(place);
      const middle = { x: x + drawn.width / 2, y: y + LABEL_HEIGHT_PX / 2 };
      const end = { x: clampTo(middle.x, box.x, box.width), y: clampTo(middle.y, box.y, box.height) };
      drawn.leader.toggleAttribute("hidden", !away);
      set(drawn.leader, { x1: middle.x, y1: middle.y, x2: end.x, y2: end.y });
    });
  }

  #width(text) {
    if (!this.#widths.has(text)) {
      this.#pen.font = FONT;
      this.#widths.set(text, Math.ceil(this.#pen.measureText(text).width));
    }
    return this.#widths.get(text);
  }

  #drawTools(scene, pane, index) {
    const { tools } = this.#layers[index];
    const parts = [];
    for (const cross of scene.crosses.filter(({ view }) => view === index)) parts.push(...crossing(pane, scene.views[index], cross));
    for (const measure of scene.measures.filter(({ view }) => view === index)) parts.push(...measured(pane, measure));
    if (pane.minimap) parts.push(...minimap(pane));
    if (pane.loupe) parts.push(svg("circle", { class: "loupe", cx: pane.loupe.x, cy: pane.loupe.y, r: pane.loupe.radius }));
    tools.replaceChildren(...parts);
  }
}

const clampTo = (value, from, length) => Math.max(from, Math.min(from + length, value));

function set(element, attributes) {
  for (const [key, value] of Object.entries(attributes)) {
    const text = String(value);
    if (element.getAttribute(key) !== text) element.setAttribute(key, text);
  }
}

function hatching() {
  const lines = [svg("line", { class: "dark", x1: 0, y1: 0, x2: 0, y2: 12 }), svg("line", { class: "light", x1: 0, y1: 0, x2: 0, y2: 12 })];
  return svg("pattern", { id: "hatch", width: 12, height: 12, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, lines);
}

/** A cross at a scan point; `rowOnly` draws the shared row alone, in the other views. */
function crossing({ matrix }, view, { point, rowOnly, strong }) {
  const ends = rowOnly ? [[{ x: 0, y: point.y }, { x: view.width, y: point.y }]] : [
    [{ x: 0, y: point.y }, { x: view.width, y: point.y }], [{ x: point.x, y: 0 }, { x: point.x, y: view.height }],
  ];
  return ends.flatMap(([from, to]) => ["under", "over"].map((name) => segment(matrix, from, to, `cross ${name}${strong ? " strong" : ""}`)));
}

function segment(matrix, from, to, name) {
  const [one, other] = [apply(matrix, from), apply(matrix, to)];
  return svg("line", { class: name, x1: one.x, y1: one.y, x2: other.x, y2: other.y });
}

function measured({ matrix, ...pane }, { kind, from, to, text }) {
  const parts = [];
  const end = apply(matrix, to);
  if (kind === "ruler") parts.push(...["under", "over"].map((name) => segment(matrix, from, to, `ruler ${name}`)));
  else {
    const box = boxOnScreen(matrix, [from.x, from.y, to.x, to.y]);
    parts.push(...["under", "over"].map((name) => svg("rect", { class: `${kind} ${name}`, ...box })));
  }
  for (const point of [from, to]) {
    const at = apply(matrix, point);
    parts.push(svg("circle", { class: "end", cx: at.x, cy: at.y, r: 4 }));
  }
  if (text) parts.push(...note(text, end, pane));
  return parts;
}

function note(text, at, pane) {
  const width = text.length * 9.5 + 16;
  const x = Math.max(pane.x, Math.min(pane.x + pane.width - width, at.x + 12));
  const y = Math.max(pane.y, Math.min(pane.y + pane.height - LABEL_HEIGHT_PX, at.y + 12));
  const words = svg("text", { class: "note", x: x + width / 2, y: y + LABEL_HEIGHT_PX / 2 });
  words.textContent = text;
  return [svg("rect", { class: "note", x, y, width, height: LABEL_HEIGHT_PX, rx: 4 }), words];
}

function minimap({ minimap: { frame, seen } }) {
  return [
    svg("rect", { class: "map-frame", ...frame }),
    svg("rect", { class: "map-seen under", ...seen }), svg("rect", { class: "map-seen over", ...seen }),
  ];
}
