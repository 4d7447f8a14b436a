// Mouse, pen, fingers and keys, turned into what the desk and drafting do.

import { apply, contains, inverse } from "./geometry.js";
import { isTaken, toolOf } from "./hotkeys.js";
import { DRAWING } from "./drafting.js";

const GAMMA_PER_PX = 1 / 220;
const DRAG_PX = 3;
const WHEEL_PER_PX = 1 / 500;
const MOST_WHEEL_PX = 250;
const ARROW_PAN_PX = 60;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export class Gestures {
  #pointers = new Map();
  #drag = null;

  constructor(stage, desk, drafting) {
    Object.assign(this, { stage, desk, drafting });
    const handlers = {
      pointerdown: this.#down, pointermove: this.#move, pointerup: this.#up, pointercancel: this.#up,
      pointerleave: this.#leave, dblclick: this.#twice, contextmenu: (event) => event.preventDefault(),
    };
    for (const [name, handler] of Object.entries(handlers)) stage.addEventListener(name, handler);
    stage.addEventListener("wheel", this.#wheel, { passive: false });
  }

  #point(event) {
    const { left, top } = this.stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  #down = (event) => {
    if (!this.desk.views.length || event.composedPath()[0].closest?.("[data-alarm]")) return;
    this.stage.focus({ preventScroll: true });
    const point = this.#point(event);
    this.stage.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, point);
    if (this.#pointers.size === 2) {
      this.drafting.cancel();
      this.#drag = { kind: "pinch" };
      return;
    }
    const panes = this.desk.panes();
    const view = Math.max(0, panes.findIndex((pane) => contains(pane, point)));
    this.#drag = { kind: this.#kindOf(event, point), view, from: point, gamma: this.desk.state.gamma, moved: false };
    if (this.#drag.kind === "minimap") this.#onMinimap(point);
    if (DRAWING.includes(this.#drag.kind)) {
      const at = this.drafting.pointAt(point);
      if (at) this.drafting.begin(at);
    }
  };

  #kindOf(event, point) {
    const map = this.desk.minimaps?.find((each) => each && contains(each.frame, point));
    if (map) return "minimap";
    if (event.button > 0 || event.shiftKey) return "pan";
    const { drag } = this.desk.state;
    return event.pointerType === "touch" && drag === "gamma" ? "pan" : drag;
  }

  #move = (event) => {
    if (!this.desk.views.length) return;
    const point = this.#point(event);
    this.desk.hover = this.drafting.pointAt(point);
    if (this.desk.hover) this.desk.cursor = null;
    const before = this.#pointers.get(event.pointerId);
    if (before && this.#drag) {
      this.#pointers.set(event.pointerId, point);
      this.#dragged(before, point, event.pointerId);
    }
    this.desk.ears.changed();
  };

  #dragged(before, point, pointerId) {
    const drag = this.#drag;
    drag.moved ||= drag.from && Math.hypot(point.x - drag.from.x, point.y - drag.from.y) > DRAG_PX;
    if (drag.kind === "pinch") this.#pinch(before, point, pointerId);
    else if (drag.kind === "minimap") this.#onMinimap(point);
    else if (DRAWING.includes(drag.kind)) this.#draft(point);
    else if (drag.moved && drag.kind === "pan") this.desk.panBy(point.x - before.x, point.y - before.y, drag.view);
    else if (drag.moved) this.desk.dragGamma(drag.gamma * 2 ** ((point.x - drag.from.x) * GAMMA_PER_PX));
  }

  #draft(point) {
    const pane = this.desk.measure && this.desk.panes()[this.desk.measure.view];
    if (pane) this.drafting.move(apply(inverse(pane.matrix), point));
  }

  #pinch(before, point, pointerId) {
    const other = [...this.#pointers].find(([id]) => id !== pointerId)?.[1];
    if (!other) return;
    const spread = (at) => Math.max(10, Math.hypot(at.x - other.x, at.y - other.y));
    const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
    const view = this.drafting.pointAt(middle)?.view ?? 0;
    this.desk.zoomBy(spread(point) / spread(before), view, middle);
    this.desk.panBy((point.x - before.x) / 2, (point.y - before.y) / 2, view);
  }

  #onMinimap(point) {
    this.desk.minimaps.forEach((map, view) => {
      if (map && contains(map.frame, point)) this.desk.centreOn(view, apply(map.toScan, point));
    });
  }

  #up = (event) => {
    if (!this.#pointers.delete(event.pointerId)) return;
    if (event.type === "pointerup") this.#pointed(event);
    if (this.#drag && DRAWING.includes(this.#drag.kind)) {
      if (event.type === "pointercancel") this.drafting.cancel();
      else this.drafting.end();
    }
    if (!this.#pointers.size) this.#drag = null;
  };

  /** A click that moved nothing: pages may take it for an answer. Beside the picture it is none. */
  #pointed(event) {
    const drag = this.#drag;
    if (!drag || drag.moved || event.button !== 0 || !["gamma", "pan"].includes(drag.kind)) return;
    const at = this.drafting.pointAt(this.#point(event));
    if (!at) return;
    const exact = apply(inverse(this.desk.panes()[at.view].matrix), this.#point(event));
    if (Math.hypot(exact.x - at.point.x, exact.y - at.point.y) > DRAG_PX) return;
    this.desk.ears.emitted("xray-pointed", { view: this.desk.views[at.view].name, point: at.point });
  }

  #leave = () => {
    if (this.#pointers.size) return;
    this.desk.hover = this.desk.cursor;
    this.desk.ears.changed();
  };

  #twice = () => {
    if (this.desk.views.length && !DRAWING.includes(this.desk.state.drag)) this.desk.reset();
  };

  #wheel = (event) => {
    if (!this.desk.views.length) return;
    event.preventDefault();
    const px = event.deltaY * [1, 20, 400][event.deltaMode];
    const held = Math.max(-MOST_WHEEL_PX, Math.min(MOST_WHEEL_PX, px));
    const point = this.#point(event);
    this.desk.zoomBy(2 ** (-held * WHEEL_PER_PX * 2), this.drafting.pointAt(point)?.view ?? 0, point);
  };

  /** A key went down anywhere on the page (or in the viewer, where keys="focus"). */
  keyDown = (event) => {
    if (event.defaultPrevented || isTaken(event)) return;
    const tool = toolOf(event, this.desk.keys);
    if (tool) {
      event.preventDefault();
      if (!event.repeat || ["lighter", "darker", "zoomIn", "zoomOut"].includes(tool)) this.desk.press(tool, event.timeStamp);
    } else if (!event.ctrlKey && !event.altKey && !event.metaKey && this.#plainKey(event)) event.preventDefault();
  };

  keyUp = (event) => {
    // The modifier may be up before the key, so the tool is taken from what is held.
    const held = this.desk.held?.id;
    if (held && (toolOf(event, this.desk.keys) === held || event.key === "Escape")) this.desk.release(held, event.timeStamp);
    else if (event.key === " ") this.desk.release("hide");
  };

  /** The page lost the keyboard: nothing is held any more. */
  letGo = () => {
    if (this.desk.held) this.desk.release(this.desk.held.id);
    this.desk.release("hide");
  };

  #plainKey(event) {
    const { desk, drafting } = this;
    if (!desk.views.length) return false;
    const pointing = DRAWING.includes(desk.state.drag) || desk.state.loupe || desk.state.inspect;
    if (event.key in ARROWS) {
      const [dx, dy] = ARROWS[event.key];
      if (pointing) drafting.step(dx * (event.shiftKey ? 10 : 1), dy * (event.shiftKey ? 10 : 1));
      else if (desk.state.zoom > 1) desk.panBy(-dx * ARROW_PAN_PX, -dy * ARROW_PAN_PX, desk.cursor?.view ?? 0);
      else return false;
      return true;
    }
    if (event.key === "Enter" && DRAWING.includes(desk.state.drag) && !event.composedPath()[0].closest?.("[data-alarm]")) {
      drafting.enter();
      return true;
    }
    if (event.key === "Delete") return drafting.remove();
    if (event.key === "Escape" && (drafting.open || DRAWING.includes(desk.state.drag))) {
      drafting.cancel();
      if (DRAWING.includes(desk.state.drag)) desk.run("gamma");
      return true;
    }
    return false;
  }
}
