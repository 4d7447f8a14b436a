// Rulers, density areas and marks: two points, set by dragging or by arrows and Enter.

import { apply, contains, inverse } from "./geometry.js";
import { areaDensity } from "./measure.js";

export const DRAWING = ["ruler", "area", "mark"];
const LEAST_MARK_PX = 2;

export class Drafting {
  #marks = 0;

  /** @param {import("./desk.js").Desk} desk */
  constructor(desk) {
    this.desk = desk;
    this.open = false;
  }

  /** The view under a stage point, and the scan point in it, held inside the scan. */
  pointAt(stagePoint) {
    const panes = this.desk.panes();
    const view = panes.findIndex((pane) => contains(pane, stagePoint));
    if (view < 0) return null;
    return { view, point: this.#held(view, apply(inverse(panes[view].matrix), stagePoint)) };
  }

  begin({ view, point }) {
    this.open = true;
    this.desk.measure = { kind: this.desk.state.drag, view, from: point, to: point, text: "" };
    this.desk.ears.changed();
  }

  move(point) {
    if (!this.open) return;
    const { measure } = this.desk;
    this.desk.measure = { ...measure, to: this.#held(measure.view, point), text: "" };
    if (measure.kind === "ruler") this.desk.measure.text = this.#length();
    this.desk.ears.changed();
  }

  end() {
    if (!this.open) return;
    this.open = false;
    const { desk } = this;
    const { kind } = desk.measure;
    if (kind === "ruler") this.#tell(this.#length());
    if (kind === "area") this.#tell(this.#density());
    if (kind === "mark") this.#mark();
    desk.ears.changed();
  }

  cancel() {
    this.open = false;
    this.desk.measure = null;
    this.desk.ears.changed();
  }

  /** Take the chosen mark away. */
  remove() {
    const { desk } = this;
    const mark = desk.marks.find(({ id }) => id === desk.chosen);
    if (!mark) return false;
    desk.marks = desk.marks.filter((other) => other !== mark);
    desk.chosen = null;
    desk.ears.emitted("xray-box-removed", { id: mark.id });
    desk.ears.told(desk.say("say.removed"));
    desk.ears.changed();
    return true;
  }

  // The keyboard's cross

  /** Move the cross by scan px; past a side it goes on in the next view. */
  step(dx, dy) {
    const { desk } = this;
    const middle = (view) => ({ view, point: { x: desk.views[view].width / 2, y: desk.views[view].height / 2 } });
    const { view, point } = desk.cursor ?? middle(0);
    const next = { x: point.x + dx, y: point.y + dy };
    const to = this.open ? view : view + (next.x > desk.views[view].width ? 1 : next.x < 0 ? -1 : 0);
    const moved = desk.views[to] && to !== view ? { x: to > view ? 0 : desk.views[to].width, y: next.y } : next;
    const landed = desk.views[to] ? to : view;
    desk.cursor = { view: landed, point: this.#held(landed, moved) };
    desk.hover = desk.cursor;
    this.move(desk.cursor.point);
    desk.ears.changed();
  }

  /** Enter: the first point, then the second. */
  enter() {
    const { desk } = this;
    if (!desk.cursor) this.step(0, 0);
    if (this.open) {
      this.move(desk.cursor.point);
      this.end();
      return;
    }
    this.begin(desk.cursor);
    desk.ears.told(desk.say("say.nextPoint"));
  }

  #held(view, { x, y }) {
    const { width, height } = this.desk.views[view];
    return { x: Math.min(width, Math.max(0, x)), y: Math.min(height, Math.max(0, y)) };
  }

  #tell(text, detail = {}) {
    const { desk } = this;
    desk.measure = { ...desk.measure, text: desk.measure.kind === "ruler" ? text : "" };
    desk.ears.told(text);
    desk.ears.emitted("xray-measured", { kind: desk.measure.kind, text, ...detail });
  }

  #length() {
    const { measure: { from, to, view }, views } = this.desk;
    const length = Math.hypot(to.x - from.x, to.y - from.y);
    const { pitchMm } = views[view];
    return pitchMm ? this.desk.say("say.ruler", { value: length * pitchMm }) : this.desk.say("say.rulerPx", { value: length });
  }

  #box() {
    const { from, to } = this.desk.measure;
    return [Math.floor(Math.min(from.x, to.x)), Math.floor(Math.min(from.y, to.y)),
      Math.ceil(Math.max(from.x, to.x)), Math.ceil(Math.max(from.y, to.y))];
  }

  #density() {
    const { desk } = this;
    const found = areaDensity(desk.views[desk.measure.view], this.#box());
    if (!found) return desk.say("area.air");
    const [low, high] = [found.low * 100, found.high * 100];
    const parts = [found.dual ? desk.say("area.levels", { low, high }) : desk.say("area.level", { high })];
    if (found.dual && found.steelMm === null) parts.push(desk.say("area.beyond"));
    else if (found.dual) parts.push(found.steelMm < 0.1 ? desk.say("area.air") : desk.say("area.steel", { mm: found.steelMm }));
    if (found.denseShare > 0.005) parts.push(desk.say("area.dense", { share: Math.round(found.denseShare * 100) }));
    return parts.join(" ");
  }

  #mark() {
    const { desk } = this;
    const { view } = desk.measure;
    const box = this.#box();
    desk.measure = null;
    if (box[2] - box[0] < LEAST_MARK_PX || box[3] - box[1] < LEAST_MARK_PX) return;
    this.#marks += 1;
    const mark = { id: `own-${this.#marks}`, view, box, label: desk.say("alarm.mark"), words: "", family: "own", own: true, dense: false, strength: 0 };
    desk.marks = [...desk.marks, mark];
    desk.chosen = mark.id;
    desk.ears.emitted("xray-box-drawn", { id: mark.id, view: desk.views[view].name, box });
    desk.ears.told(desk.say("say.marked"));
  }
}
