// <xray-viewer>: shows the scans of one parcel and answers at once. docs/viewer.md tells attributes, methods and events.

import { Desk } from "./desk.js";
import { Drafting } from "./drafting.js";
import { PictureError, fetchPicture, parsePicture } from "./format.js";
import { context } from "./gl.js";
import { Gestures } from "./gestures.js";
import { HotkeyError, hotkeys } from "./hotkeys.js";
import { levelsAt, matterWord } from "./measure.js";
import { Overlay, svg } from "./overlay.js";
import { attenuation } from "./physics.js";
import { PlainRenderer } from "./renderer_2d.js";
import { GlRenderer } from "./renderer_gl.js";
import { compose } from "./scene.js";
import { fromPreset, toPreset } from "./state.js";
import { VIEWER } from "./styles.js";
import { developsAlike } from "./tools.js";

const REST_MS = 140;
const SAY_AGAIN_MS = 400;

function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export class XrayViewer extends HTMLElement {
  static observedAttributes = ["src", "hotkeys", "aid"];

  #renderer = null;
  #parts = {};
  #developed = null;
  #scheduled = 0;
  #resting = 0;
  #speaking = 0;
  #watching = null;
  #loading = null;
  #page = null;

  constructor() {
    super();
    this.desk = new Desk({
      changed: () => this.#schedule(),
      told: (text, aloud = true) => this.#tell(text, aloud),
      emitted: (name, detail) => this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true })),
    });
    this.drafting = new Drafting(this.desk);
    this.#build();
    this.gestures = new Gestures(this.#parts.stage, this.desk, this.drafting);
  }

  #build() {
    const root = this.attachShadow({ mode: "open", delegatesFocus: true });
    root.adoptedStyleSheets = [VIEWER];
    const parts = {
      canvas: element("canvas", { role: "img" }),
      overlay: svg("svg", { class: "overlay" }),
      names: element("div", { class: "names" }),
      stage: element("div", { class: "stage", tabindex: "0", role: "application" }),
      status: element("div", { class: "status", "aria-hidden": "true" }),
      notice: element("div", { class: "notice", role: "status", hidden: "" }),
      message: element("div", { class: "message" }),
      spoken: element("div", { class: "spoken", role: "status" }),
    };
    parts.stage.append(parts.canvas, parts.overlay, parts.names);
    root.append(parts.stage, parts.message, parts.status, parts.notice, parts.spoken);
    this.#parts = parts;
    this.overlay = new Overlay(parts.overlay, (id) => this.desk.choose(id));
    parts.canvas.addEventListener("webglcontextlost", this.#lost);
    parts.canvas.addEventListener("webglcontextrestored", this.#restored);
  }

  connectedCallback() {
    this.#watching = new ResizeObserver(() => this.#resize());
    this.#watching.observe(this);
    this.#page = new AbortController();
    const keys = this.getAttribute("keys") === "focus" ? this : window;
    const { signal } = this.#page;
    keys.addEventListener("keydown", this.gestures.keyDown, { signal });
    keys.addEventListener("keyup", this.gestures.keyUp, { signal });
    window.addEventListener("blur", this.gestures.letGo, { signal });
    this.#start();
    this.#showMessage(this.desk.picture ? null : "noPicture");
    this.#resize();
  }

  disconnectedCallback() {
    this.#watching.disconnect();
    this.#page.abort();
    this.#loading?.abort();
    cancelAnimationFrame(this.#scheduled);
    clearTimeout(this.#resting);
    this.#scheduled = 0;
  }

  attributeChangedCallback(name, _before, value) {
    if (name === "src" && value) this.load(value);
    if (name === "hotkeys") this.setHotkeys(value ?? "{}");
    if (name === "aid") this.desk.set({ ...this.desk.state, aid: value !== "hidden" }, "");
  }

  // Pictures

  /** Fetch a picture container and show it; a later call wins. @returns {Promise<boolean>} whether it is shown */
  async load(url) {
    this.#loading?.abort();
    const mine = new AbortController();
    this.#loading = mine;
    try {
      const picture = await fetchPicture(url, mine.signal);
      return !mine.signal.aborted && this.#take(picture);
    } catch (error) {
      return mine.signal.aborted ? false : this.#refuse(error);
    }
  }

  /** Show a container that is here already (ArrayBuffer). @returns {boolean} */
  show(buffer) {
    this.#loading?.abort();
    try {
      return this.#take(parsePicture(buffer));
    } catch (error) {
      return this.#refuse(error);
    }
  }

  /** Nothing to look at. */
  clear() {
    this.#loading?.abort();
    this.desk.show(null, this.#keeps);
    this.#showMessage("noPicture");
  }

  get #keeps() {
    return this.getAttribute("next-parcel") !== "reset";
  }

  #take(picture) {
    if (picture.content !== "scan") throw new PictureError("damaged", "content");
    this.#renderer?.setViews(picture.views);
    this.#developed = null;
    this.desk.show(picture, this.#keeps);
    this.#showMessage(null);
    this.#tell(this.desk.missing(), false);
    this.desk.ears.emitted("xray-shown", { id: picture.id });
    return true;
  }

  #refuse(error) {
    if (!(error instanceof PictureError)) throw error;
    // The last parcel's picture must not stand there as if it were this one's.
    this.desk.show(null, this.#keeps);
    this.#showMessage(error.code, true);
    return false;
  }

  get picture() {
    return this.desk.picture;
  }

  // Alarms, words, keys, settings

  /** [{id, view, box, label, words, group, dense, strength}]; see docs/viewer.md. */
  set alarms(list) {
    const broken = this.desk.setAlarms(list);
    if (broken) this.#warn("alarms", { broken });
  }

  get alarms() {
    return this.desk.everything().filter((alarm) => !alarm.own);
  }

  /** Boxes the person drew: [{id, view, box}]. */
  get marks() {
    return this.desk.marks.map(({ id, view, box }) => ({ id, view: this.desk.views[view].name, box }));
  }

  set strings(dictionary) {
    this.desk.strings = dictionary ?? {};
    this.#showMessage(this.#parts.message.dataset.code ?? null, this.#parts.message.classList.contains("error"));
    this.desk.ears.emitted("xray-strings", {});
    this.#schedule();
  }

  get strings() {
    return this.desk.strings;
  }

  /** Further palettes: name → look (configs/looks as JSON). */
  set looks(looks) {
    this.desk.looks = looks;
    this.#renderer?.forgetPalettes();
    this.#developed = null;
    this.#schedule();
  }

  /** Set keys over the usual ones, from a map or JSON. @returns {boolean} false, with an event, where they conflict */
  setHotkeys(changes) {
    try {
      this.desk.keys = hotkeys(typeof changes === "string" ? JSON.parse(changes) : changes);
    } catch (error) {
      if (!(error instanceof HotkeyError || error instanceof SyntaxError)) throw error;
      this.#warn(error.code ?? "hotkeyMap", { keys: error.detail ?? "", detail: error.detail ?? "JSON" });
      return false;
    }
    this.desk.ears.emitted("xray-hotkeys", { keys: this.desk.keys });
    return true;
  }

  /** Settings of a person as JSON; setting them makes them the start of every parcel and of Reset. */
  get preset() {
    return toPreset(this.desk.state);
  }

  set preset(preset) {
    const state = fromPreset(preset);
    if (!state) {
      this.#warn("preset", {});
      return;
    }
    this.desk.home = state;
    this.desk.set({ ...state, zoom: this.desk.state.zoom, centres: this.desk.state.centres }, "");
  }

  get state() {
    return this.desk.state;
  }

  run(id) {
    this.desk.run(id);
  }

  /** Show where the person pointed: {view, x, y, label} in scan pixels; null takes it away. */
  point(place) {
    this.desk.point(place);
  }

  focusAlarm(id) {
    this.overlay.focus(id);
  }

  // Drawing

  #start() {
    if (this.#renderer) return;
    const gl = context(this.#parts.canvas);
    this.#renderer = gl ? new GlRenderer(gl) : new PlainRenderer(this.#parts.canvas);
    this.desk.plain = !gl;
    this.#notice(gl ? null : "notice.plain");
    if (this.desk.views.length) this.#renderer.setViews(this.desk.views);
  }

  /** The renderer in use: "webgl2" or "2d". */
  get renderer() {
    return this.#renderer?.name ?? null;
  }

  #lost = (event) => {
    event.preventDefault();
    this.#renderer = null;
    this.#notice("notice.lost");
    this.desk.ears.emitted("xray-context", { lost: true });
  };

  #restored = () => {
    this.#developed = null;
    this.#start();
    this.#schedule();
    this.desk.ears.emitted("xray-context", { lost: false });
  };

  #resize() {
    const { clientWidth, clientHeight } = this;
    const ratio = window.devicePixelRatio;
    this.desk.size = { width: Math.max(1, clientWidth), height: Math.max(1, clientHeight) };
    const { canvas } = this.#parts;
    const [width, height] = [Math.max(1, Math.round(clientWidth * ratio)), Math.max(1, Math.round(clientHeight * ratio))];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    if (this.desk.picture) this.draw();
  }

  #schedule() {
    if (!this.#scheduled && this.isConnected) this.#scheduled = requestAnimationFrame(() => this.draw());
  }

  /** Draw now what would be drawn in the next frame. */
  draw(moving = true) {
    cancelAnimationFrame(this.#scheduled);
    this.#scheduled = 0;
    const { desk } = this;
    if (!this.#renderer || !this.isConnected) return;
    if (!this.#developed || !developsAlike(this.#developed, desk.state)) {
      this.#renderer.develop(desk.recipes(), desk.looks);
      this.#developed = desk.state;
    }
    const { passes, ground, scene, finest } = compose(desk, window.devicePixelRatio, moving);
    const complete = this.#renderer.draw(passes, ground, !moving);
    this.overlay.draw(scene);
    this.#describe(scene);
    // At rest the picture is drawn once more, whole and with the finer interpolation, where that makes a difference.
    clearTimeout(this.#resting);
    if (!complete || !finest) this.#resting = setTimeout(() => this.draw(false), REST_MS);
  }

  #describe(scene) {
    const { stage, overlay, canvas, names } = this.#parts;
    const { desk } = this;
    stage.dataset.drag = desk.state.drag;
    stage.toggleAttribute("data-ready", desk.views.length > 0);
    overlay.classList.toggle("hidden-aid", desk.hidden);
    const views = desk.views.map((view) => desk.say(`view.${view.name}`).replace(/^view\./, "")).join(", ");
    const label = desk.picture ? desk.say("picture", { id: desk.picture.id, views, alarms: desk.alarms.length }) : desk.say("noPicture");
    for (const part of [stage, canvas]) if (part.getAttribute("aria-label") !== label) part.setAttribute("aria-label", label);
    if (desk.state.inspect && desk.hover) this.#parts.status.textContent = this.#values();
    const wanted = desk.views.length > 1 ? desk.views : [];
    while (names.children.length > wanted.length) names.lastChild.remove();
    wanted.forEach((view, at) => {
      const chip = names.children[at] ?? names.appendChild(element("div", { class: "name" }));
      chip.textContent = desk.say(`view.${view.name}`).replace(/^view\./, "");
      chip.style.left = `${scene.panes[at].x}px`;
      chip.style.top = `${scene.panes[at].y}px`;
    });
  }

  /** The inspector's line. */
  #values() {
    const { desk } = this;
    const { view: at, point } = desk.hover;
    const view = desk.views[at];
    const levels = levelsAt(view, point.x, point.y);
    if (!levels) return "";
    const unit = view.pitchMm ? "mm" : "px";
    const place = desk.say("inspect.at", { x: point.x * (view.pitchMm ?? 1), y: point.y * (view.pitchMm ?? 1), unit });
    if (view.kind === "pseudo-colour") return `${desk.say("inspect.colour", { red: levels[0], green: levels[1], blue: levels[2] })} · ${place}`;
    const [low, high] = [levels[0], levels.at(-1)].map((level) => (100 * level) / view.airLevel);
    if (view.channels === 1) return `${desk.say("inspect.grey", { low })} · ${place}`;
    const word = matterWord(attenuation(levels[0], view.airLevel), attenuation(levels[1], view.airLevel));
    return `${desk.say("inspect.dual", { low, high, matter: desk.say(`matter.${word}`) })} · ${place}`;
  }

  // Words

  #tell(text, aloud) {
    this.#parts.status.textContent = text;
    clearTimeout(this.#speaking);
    if (aloud) this.#parts.spoken.textContent = text;
    else this.#speaking = setTimeout(() => { this.#parts.spoken.textContent = text; }, SAY_AGAIN_MS);
  }

  #warn(code, detail) {
    const text = this.desk.say(`error.${code}`, detail);
    this.#tell(text, true);
    this.desk.ears.emitted("xray-error", { code, message: text, ...detail });
  }

  #notice(key) {
    this.#parts.notice.hidden = key === null;
    this.#parts.notice.textContent = key === null ? "" : this.desk.say(key);
  }

  #showMessage(code, isError = false) {
    const { message, stage, status } = this.#parts;
    message.hidden = code === null;
    stage.toggleAttribute("inert", code !== null);
    delete message.dataset.code;
    if (code === null) return;
    message.dataset.code = code;
    message.classList.toggle("error", isError);
    message.setAttribute("role", isError ? "alert" : "status");
    const words = this.desk.say(isError ? `error.${code}` : code);
    const [first, rest] = isError ? words.split(/(?<=\.) (.*)/s) : [words, this.desk.say("noPictureHint")];
    message.replaceChildren(element("strong", {}, [first]), element("p", {}, [rest ?? ""]));
    status.textContent = "";
    if (isError) this.desk.ears.emitted("xray-error", { code, message: words });
  }
}

customElements.define("xray-viewer", XrayViewer);
