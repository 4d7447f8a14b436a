// <xray-belt views="top side">: the belt as it passes, drawn from blocks of lines as they arrive.

import { Developer, Plate } from "./developer.js";
import { PictureError, parsePicture } from "./format.js";
import { context, program } from "./gl.js";
import { INITIAL } from "./state.js";
import { COVER } from "./shaders.js";
import { say } from "./strings.js";
import { BELT } from "./styles.js";
import { recipeOf } from "./tools.js";

const RING_LINES = 4096;
const GAP_PX = 4;
const GROUND = [0.165, 0.172, 0.18];
/** How fast the picture catches up with the newest line: a share of what is missing, a second. */
const CATCH_UP = 6;

/** Lines lie across the belt: rows of the ring become columns of the screen. */
const PASS = `#version 300 es
precision highp float;
precision highp sampler2D;
uniform sampler2D uPicture;
uniform vec4 uFrame;
uniform float uDetectors;
uniform float uLines;
uniform float uHead;
uniform float uScale;
uniform float uFirst;
uniform bool uToRight;
out vec4 colour;
void main() {
  float along = gl_FragCoord.x - uFrame.x;
  float back = (uToRight ? along : uFrame.z - along) / uScale;
  float line = uHead - back;
  float detector = (uFrame.w - (gl_FragCoord.y - uFrame.y)) / uScale;
  if (line < uFirst || back > uLines - 2.0 || detector > uDetectors) discard;
  colour = vec4(texture(uPicture, vec2(detector / uDetectors, mod(line, uLines) / uLines)).rgb, 1.0);
}`;

export class XrayBelt extends HTMLElement {
  static observedAttributes = ["standing"];

  #gl = null;
  #canvas = document.createElement("canvas");
  #stands = document.createElement("div");
  #plates = new Map();
  #watching = null;
  #frame = 0;
  #last = 0;
  #head = 0;
  #newest = 0;
  #oldest = 0;
  #state = INITIAL;
  #strings = {};
  counts = { blocks: 0, lines: 0, gaps: 0, refused: 0, frames: 0 };

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [BELT];
    this.#canvas.setAttribute("role", "img");
    this.#stands.className = "stands";
    this.#stands.setAttribute("role", "status");
    this.shadowRoot.append(this.#canvas, this.#stands);
    this.#canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      this.#gl = null;
      this.#plates.clear();
    });
    this.#canvas.addEventListener("webglcontextrestored", () => this.#start());
  }

  connectedCallback() {
    this.#start();
    this.#watching = new ResizeObserver(() => this.#resize());
    this.#watching.observe(this);
    this.#describe();
    this.#frame = requestAnimationFrame(this.#tick);
  }

  disconnectedCallback() {
    this.#watching.disconnect();
    cancelAnimationFrame(this.#frame);
  }

  attributeChangedCallback() {
    this.#describe();
  }

  set strings(dictionary) {
    this.#strings = dictionary ?? {};
    this.#describe();
  }

  /** Image tools of the belt's picture (state.js); lines drawn before are drawn again. */
  set state(state) {
    this.#state = state;
    for (const plate of this.#plates.values()) this.developer.develop(plate, recipeOf(state, plate, null), {});
  }

  /** The picture stands; lines that arrive are kept and shown when it goes on. */
  get standing() {
    return this.hasAttribute("standing");
  }

  set standing(stands) {
    this.toggleAttribute("standing", stands);
  }

  get newestLine() {
    return this.#newest;
  }

  /** The line at the leading edge of the picture. */
  get shownLine() {
    return this.#head;
  }

  /** Take a block of lines (a container with content "lines"). @returns {boolean} whether it was sound */
  push(buffer) {
    let block;
    try {
      block = parsePicture(buffer);
      this.#check(block);
    } catch (error) {
      if (!(error instanceof PictureError)) throw error;
      this.counts.refused += 1;
      this.dispatchEvent(new CustomEvent("xray-error", { detail: { code: error.code }, bubbles: true, composed: true }));
      return false;
    }
    this.#account(block);
    if (this.#gl) for (const view of block.views) this.#upload(view, block.firstLine);
    return true;
  }

  #check({ content, views }) {
    if (content !== "lines") throw new PictureError("damaged", "content");
    const most = this.#gl?.getParameter(this.#gl.MAX_TEXTURE_SIZE) ?? Infinity;
    for (const { kind, width, height } of views) {
      if (kind !== "dual-energy" || height !== views[0].height) throw new PictureError("damaged", "views");
      if (width > most) throw new PictureError("tooLarge");
    }
  }

  #account({ firstLine, views }) {
    const count = views[0].height;
    if (this.counts.blocks === 0 || firstLine < this.#newest - RING_LINES || firstLine > this.#newest + RING_LINES) {
      this.#head = firstLine;
      this.#oldest = firstLine;
    } else if (firstLine > this.#newest) this.counts.gaps += firstLine - this.#newest;
    this.counts.blocks += 1;
    this.counts.lines += count;
    this.#newest = firstLine + count;
  }

  #start() {
    this.#gl = context(this.#canvas);
    if (!this.#gl) return;
    this.developer = new Developer(this.#gl);
    this.pass = program(this.#gl, COVER, PASS);
  }

  #upload(view, firstLine) {
    const gl = this.#gl;
    const plate = this.#plateOf(view);
    // A block may be longer than the ring and may wrap round its end.
    const skipped = Math.max(0, view.height - RING_LINES);
    for (let row = skipped; row < view.height;) {
      const at = (firstLine + row) % RING_LINES;
      const count = Math.min(view.height - row, RING_LINES - at);
      gl.bindTexture(gl.TEXTURE_2D, plate.levels);
      const part = view.data.subarray(row * view.width * 2, (row + count) * view.width * 2);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, at, view.width, count, gl.RG_INTEGER, gl.UNSIGNED_SHORT, part);
      this.developer.develop(plate, recipeOf(this.#state, plate, null), {}, [0, at, view.width, count]);
      row += count;
    }
  }

  #plateOf({ name, kind, width, airLevel }) {
    const known = this.#plates.get(name);
    if (known && known.width === width && known.kind === kind) return known;
    known?.dispose(this.#gl);
    const plate = new Plate(this.#gl, { kind, width, height: RING_LINES, airLevel, ring: true });
    this.#plates.set(name, plate);
    return plate;
  }

  #resize() {
    const ratio = window.devicePixelRatio;
    this.#canvas.width = Math.max(1, Math.round(this.clientWidth * ratio));
    this.#canvas.height = Math.max(1, Math.round(this.clientHeight * ratio));
    this.#draw();
  }

  #tick = (now) => {
    const seconds = Math.min(0.1, (now - this.#last) / 1000);
    this.#last = now;
    this.#frame = requestAnimationFrame(this.#tick);
    if (this.standing || this.#head === this.#newest) return;
    // Follows smoothly instead of jumping by blocks; people who ask for less motion get the blocks.
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const left = this.#newest - this.#head;
    this.#head = calm || left < 0.5 || left > RING_LINES / 2 ? this.#newest : this.#head + left * Math.min(1, CATCH_UP * seconds);
    this.#draw();
  };

  #draw() {
    const gl = this.#gl;
    if (!gl) return;
    this.counts.frames += 1;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(...GROUND, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.#plates.size) return;
    gl.useProgram(this.pass.linked);
    gl.activeTexture(gl.TEXTURE0);
    const { width, height } = this.#canvas;
    const plates = [...this.#plates.values()];
    const detectors = plates.reduce((sum, plate) => sum + plate.width, 0);
    const scale = (height - GAP_PX * (plates.length - 1)) / detectors;
    let top = height;
    for (const plate of plates) {
      const high = Math.round(plate.width * scale);
      this.#drawView(plate, [0, top - high, width, high], scale);
      top -= high + GAP_PX;
    }
  }

  #drawView(plate, frame, scale) {
    const gl = this.#gl;
    const { uniforms } = this.pass;
    gl.viewport(...frame);
    gl.bindTexture(gl.TEXTURE_2D, plate.picture);
    gl.uniform1i(uniforms.uPicture, 0);
    gl.uniform4f(uniforms.uFrame, ...frame);
    gl.uniform1f(uniforms.uDetectors, plate.width);
    gl.uniform1f(uniforms.uLines, RING_LINES);
    // Sequence numbers outgrow float32 in a shift; only their place in the ring and their differences go there.
    const turn = Math.floor(this.#head / RING_LINES) * RING_LINES - RING_LINES;
    gl.uniform1f(uniforms.uHead, this.#head - turn);
    gl.uniform1f(uniforms.uFirst, Math.max(this.#oldest, this.#newest - RING_LINES) - turn);
    gl.uniform1f(uniforms.uScale, scale);
    gl.uniform1i(uniforms.uToRight, Number(this.getAttribute("direction") === "right"));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  #describe() {
    this.#stands.hidden = !this.standing;
    this.#stands.textContent = this.standing ? say(this.#strings, "belt.stands") : "";
    const side = this.getAttribute("direction") === "right" ? "left" : "right";
    this.#canvas.setAttribute("aria-label", say(this.#strings, "belt.label", { side }));
  }
}

customElements.define("xray-belt", XrayBelt);
