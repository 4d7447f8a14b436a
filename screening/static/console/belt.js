// The belt as it runs: a strip over the picture, and large while nothing is there to decide. Rows come as the lane reads
// them; the newest stand at the right, and the picture follows them smoothly.

import { byId } from "./dom.js";
import { capital, term, word } from "./words.js";

const RING = 4096;
const GROUND = "#2a2c2e";
const ALARM = "#ff5fd7";
const SUPPLY = "#35dcff";
const GAP_PX = 3;
/** Under this height one view is all that can be made out. */
const BOTH_FROM_PX = 130;
/** How fast the picture catches up with the newest row: a share of what is missing, a second. */
const CATCH_UP = 5;
const AGAIN_MS = 5000;
/** Between two pictures: the large belt runs smoothly; the strip must not take time from the picture that is looked at. */
const PAUSE_MS = { large: 30, strip: 66 };
const MOST_MARKS = 60;

/** One view's rows in a ring of columns. */
class View {
  constructor({ view, views, width_px: width, detectors_per_px: across, rows_per_px: along, stream }) {
    Object.assign(this, { name: view, place: views.indexOf(view), width, across, along, stream, oldest: null, newest: 0, marks: [] });
    this.ring = new OffscreenCanvas(RING, width);
    this.paint = this.ring.getContext("2d");
  }

  /** @param {{first_px: number, count: number, rgb: string}} rows `count` rows of `width` RGB pixels, base64 */
  add({ first_px: first, count, rgb }) {
    const bytes = Uint8Array.from(atob(rgb), (one) => one.charCodeAt(0));
    if (bytes.length !== count * this.width * 3 || !Number.isSafeInteger(first) || first < 0) return false;
    if (this.oldest === null || first < this.newest || first > this.newest + RING) {
      this.oldest = first;
      this.marks = [];
    } else for (let at = this.newest; at < first; at += 1) this.#blank(at);
    const picture = new ImageData(count, this.width);
    for (let row = 0; row < count; row += 1) {
      for (let pixel = 0; pixel < this.width; pixel += 1) {
        const from = (row * this.width + pixel) * 3;
        picture.data.set([bytes[from], bytes[from + 1], bytes[from + 2], 255], (pixel * count + row) * 4);
      }
    }
    const at = first % RING;
    this.paint.putImageData(picture, at, 0);
    if (at + count > RING) this.paint.putImageData(picture, at - RING, 0);
    this.newest = first + count;
    this.oldest = Math.max(this.oldest, this.newest - RING);
    return true;
  }

  #blank(at) {
    this.paint.fillStyle = GROUND;
    this.paint.fillRect(at % RING, 0, 1, this.width);
  }

  /** A growing result replaces what was known of its scan. */
  mark(scan, detections) {
    const found = detections.map(({ xyxy_belt: [d1, r1, d2, r2], group }) => ({
      scan, group, x: r1 / this.along, y: d1 / this.across, width: (r2 - r1) / this.along, height: (d2 - d1) / this.across,
    }));
    this.marks = [...this.marks.filter((mark) => mark.scan !== scan), ...found].slice(-MOST_MARKS);
  }

  /** Draw what lies before `head` into a frame, `scale` screen pixels a pixel of the belt. */
  draw(context, head, [x, y, width, height], scale) {
    const first = Math.max(this.oldest ?? 0, head - width / scale);
    context.save();
    context.beginPath();
    context.rect(x, y, width, height);
    context.clip();
    for (let from = Math.floor(first); from < head;) {
      const at = from % RING;
      const count = Math.min(RING - at, Math.ceil(head) - from);
      context.drawImage(this.ring, at, 0, count, this.width, x + width - (head - from) * scale, y, count * scale, this.width * scale);
      from += count;
    }
    context.lineWidth = 2;
    for (const mark of this.marks) {
      context.strokeStyle = ["associated", "ammunition"].includes(mark.group) ? SUPPLY : ALARM;
      context.setLineDash(["associated", "ammunition"].includes(mark.group) ? [8, 4] : []);
      context.strokeRect(x + width - (head - mark.x) * scale, y + mark.y * scale, mark.width * scale, mark.height * scale);
    }
    context.restore();
  }
}

/** The name of a view, in the corner where the oldest rows are. */
function label(context, text, top) {
  const size = 16 * window.devicePixelRatio;
  context.font = `${size}px system-ui, "Noto Sans", sans-serif`;
  context.fillStyle = "#1c1e20";
  context.fillRect(0, top, context.measureText(text).width + size * 1.25, size * 1.6);
  context.fillStyle = "#e2e4e5";
  context.textBaseline = "middle";
  context.fillText(text, size * 0.6, top + size * 0.85);
}

export class Belt {
  #views = new Map();
  #source = null;
  #lane = "";
  #wanted = false;
  #head = 0;
  #last = 0;
  #asked = 0;
  #canvas = byId("belt");
  counts = { rows: 0, refused: 0, frames: 0 };

  constructor() {
    new ResizeObserver(() => this.#resize()).observe(this.#canvas);
    document.addEventListener("visibilitychange", () => this.#follow());
  }

  /** Show a lane's belt, or none. */
  show(lane) {
    if (lane === this.#lane) return;
    this.#lane = lane;
    this.#close();
    this.#follow();
  }

  /** Whether anybody is to look at it: a page in the background asks for nothing. */
  set wanted(wanted) {
    this.#wanted = wanted;
    this.#follow();
  }

  /** What the detector says of a parcel that is still under the beam. */
  early({ scan, lane, detections }) {
    if (lane !== this.#lane || !Array.isArray(detections)) return;
    const views = [...this.#views.values()];
    const view = views.find(({ name }) => String(scan).endsWith(`-${name}`)) ?? views[0];
    view?.mark(scan, detections.filter(({ xyxy_belt: box }) => Array.isArray(box) && box.length === 4));
  }

  #follow() {
    const open = this.#wanted && this.#lane && !document.hidden;
    if (!open) this.#close();
    else if (!this.#source) this.#open();
  }

  #open() {
    const source = new EventSource(`/api/belt?lane=${encodeURIComponent(this.#lane)}`);
    this.#source = source;
    source.addEventListener("belt", ({ data }) => this.#begin(JSON.parse(data)));
    source.addEventListener("rows", ({ data }) => this.#rows(JSON.parse(data)));
    source.addEventListener("ended", () => this.#close());
    source.addEventListener("error", () => {
      // Refused: this lane has no belt, or not now.
      if (source.readyState !== EventSource.CLOSED || this.#source !== source) return;
      this.#close();
      clearTimeout(this.#asked);
      this.#asked = setTimeout(() => this.#follow(), AGAIN_MS);
    });
    this.#last = performance.now();
    requestAnimationFrame(this.#tick);
  }

  #close() {
    this.#source?.close();
    this.#source = null;
    this.#views.clear();
    document.body.removeAttribute("data-belt");
  }

  #begin(told) {
    const known = this.#views.get(told.view);
    if (known && known.stream === told.stream && known.width === told.width_px) return;
    if (!Number.isInteger(told.width_px) || told.width_px < 1 || told.width_px > 2048) {
      this.counts.refused += 1;
      return;
    }
    this.#views.set(told.view, new View(told));
    document.body.setAttribute("data-belt", "");
    this.#canvas.setAttribute("aria-label", word("belt", { views: [...this.#views.keys()].map(term).join(", ") }));
  }

  #rows(rows) {
    const view = this.#views.get(rows.view);
    if (!view) return;
    if (view.add(rows)) this.counts.rows += rows.count;
    else this.counts.refused += 1;
    if (view.oldest !== null && (this.#head < view.oldest || this.#head > view.newest)) this.#head = view.newest;
  }

  #resize() {
    const ratio = window.devicePixelRatio;
    const [width, height] = [this.#canvas.clientWidth, this.#canvas.clientHeight].map((side) => Math.max(1, Math.round(side * ratio)));
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    this.#draw();
  }

  #tick = (now) => {
    if (!this.#source) return;
    requestAnimationFrame(this.#tick);
    if (now - this.#last < PAUSE_MS[this.#canvas.clientHeight < BOTH_FROM_PX ? "strip" : "large"]) return;
    const seconds = Math.min(0.2, (now - this.#last) / 1000);
    this.#last = now;
    const newest = Math.min(...[...this.#views.values()].filter(({ oldest }) => oldest !== null).map((view) => view.newest));
    if (!Number.isFinite(newest) || newest === this.#head) return;
    const left = newest - this.#head;
    // People who ask for less motion get the rows as they come.
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#head = calm || Math.abs(left) < 0.5 || Math.abs(left) > RING / 4 ? newest : this.#head + left * Math.min(1, CATCH_UP * seconds);
    this.#draw();
  };

  #draw() {
    const context = this.#canvas.getContext("2d", { alpha: false });
    const { width, height } = this.#canvas;
    this.counts.frames += 1;
    context.fillStyle = GROUND;
    context.fillRect(0, 0, width, height);
    const both = height / window.devicePixelRatio >= BOTH_FROM_PX;
    const views = [...this.#views.values()].sort((one, other) => one.place - other.place).slice(0, both ? 2 : 1);
    if (!views.length) return;
    const across = views.reduce((sum, view) => sum + view.width, 0);
    const scale = (height - GAP_PX * (views.length - 1)) / across;
    let top = 0;
    for (const view of views) {
      view.draw(context, this.#head, [0, top, width, view.width * scale], scale);
      if (both && views.length > 1) label(context, capital(term(view.name)), top);
      top += view.width * scale + GAP_PX;
    }
  }
}
