// Draws developed pictures to the screen with WebGL2.

import { Developer, Plate, within } from "./developer.js";
import { PictureError } from "./format.js";
import { program } from "./gl.js";
import { halved } from "./measure.js";
import { COVER, show } from "./shaders.js";

/** A scan is halved where its pixels are smaller than this many screen pixels, and again where they still are. */
const HALVE_UNDER = 0.7;
const MOST_HALVINGS = 3;

/**
 * @typedef {{view: number, toScan: number[], clip: number[], filter: string, circle?: number[], ground?: number[]}} Pass
 * `toScan` leads from device px to scan px; `clip` is [x, y, width, height] in device px from the top left.
 */

export class GlRenderer {
  #wanted = { recipes: [], looks: {}, edition: 0 };

  constructor(gl) {
    this.gl = gl;
    this.name = "webgl2";
    this.views = [];
    this.developer = new Developer(gl);
    this.shows = {
      linear: program(gl, COVER, show({ cubic: false, round: false })),
      cubic: program(gl, COVER, show({ cubic: true, round: false })),
      loupe: program(gl, COVER, show({ cubic: true, round: true })),
    };
  }

  setViews(views) {
    const { gl } = this;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    if (views.some((view) => Math.max(view.width, view.height) > most)) throw new PictureError("tooLarge", `${most}`);
    for (const { plates } of this.views) for (const plate of plates) plate?.dispose(gl);
    this.views = views.map((view) => ({ view, sizes: [view], plates: [] }));
  }

  /** What later draws develop by. */
  develop(recipes, looks) {
    this.#wanted = { recipes, looks, edition: this.#wanted.edition + 1 };
  }

  /** Compile what a setting needs, ahead of its first use. */
  prepare(recipes, looks) {
    this.views.forEach((_view, at) => this.developer.prepare(this.#plate(at, 0), recipes[at], looks));
  }

  forgetPalettes() {
    this.developer.forgetPalettes();
  }

  /**
   * Lay passes over a ground [r, g, b] in 0…1. At rest, all of each picture is developed, not only what is seen.
   * @returns {boolean} whether all of every picture is developed
   */
  draw(passes, ground, atRest) {
    const { gl } = this;
    const laid = passes.map((pass) => ({ ...pass, plate: this.#developed(pass, atRest) }));
    const height = gl.drawingBufferHeight;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, gl.drawingBufferWidth, height);
    gl.disable(gl.SCISSOR_TEST);
    gl.clearColor(...ground, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    gl.activeTexture(gl.TEXTURE0);
    for (const pass of laid) this.#pass(pass, height);
    gl.disable(gl.SCISSOR_TEST);
    // What super penetration needs is digested while nobody waits for it.
    if (atRest) for (const { plate } of laid) if (plate.kind !== "pseudo-colour") this.developer.digest(plate, true);
    return laid.every(({ plate }) => within([0, 0, plate.width, plate.height], plate.done));
  }

  /** The view's plate of the size the pass needs, developed where the pass shows it. */
  #developed({ view: at, toScan, clip }, atRest) {
    const scale = 1 / Math.hypot(toScan[0], toScan[1]);
    let halvings = 0;
    while (halvings < MOST_HALVINGS && scale * 2 ** halvings < HALVE_UNDER) halvings += 1;
    const plate = this.#plate(at, halvings);
    const { recipes, looks, edition } = this.#wanted;
    if (plate.edition !== edition) Object.assign(plate, { edition, done: null });
    const seen = atRest ? [0, 0, plate.width, plate.height] : seenPart(plate, toScan, clip, 2 ** halvings);
    if (!plate.done || !within(seen, plate.done)) {
      this.developer.develop(plate, recipes[at], looks, seen);
      plate.done = seen;
    }
    return plate;
  }

  #plate(at, halvings) {
    const { sizes, plates } = this.views[at];
    for (let level = sizes.length; level <= halvings; level += 1) sizes[level] = halved(sizes[level - 1]);
    plates[halvings] ??= Object.assign(new Plate(this.gl, sizes[halvings]), { reduced: 2 ** halvings, edition: -1, done: null });
    return plates[halvings];
  }

  #pass({ plate, toScan, clip: [x, y, width, height], filter, circle, ground }, canvasHeight) {
    const { gl } = this;
    gl.scissor(x, canvasHeight - y - height, width, height);
    if (ground) {
      gl.clearColor(...ground, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
    }
    const { linked, uniforms } = circle ? this.shows.loupe : filter === "cubic" ? this.shows.cubic : this.shows.linear;
    gl.useProgram(linked);
    gl.bindTexture(gl.TEXTURE_2D, plate.picture);
    const sampling = filter === "nearest" ? gl.NEAREST : gl.LINEAR;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, sampling);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, sampling);
    const [a, b, c, d, e, f] = toScan.map((value) => value / plate.reduced);
    gl.uniform1i(uniforms.uPicture, 0);
    gl.uniform1f(uniforms.uHeight, canvasHeight);
    gl.uniform2f(uniforms.uTexels, plate.width, plate.height);
    gl.uniformMatrix2fv(uniforms.uToTexels, false, [a, b, c, d]);
    gl.uniform2f(uniforms.uOrigin, e, f);
    if (circle) gl.uniform3fv(uniforms.uCircle, circle);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}

/** The part of a plate that a pass shows, with a margin for interpolation, as [x, y, width, height]. */
function seenPart(plate, [a, b, c, d, e, f], [x, y, width, height], reduced) {
  const corners = [[x, y], [x + width, y + height]].map(([u, v]) => [(a * u + c * v + e) / reduced, (b * u + d * v + f) / reduced]);
  const sides = [plate.width, plate.height].map((side, axis) => {
    const ends = corners.map((corner) => corner[axis]);
    const from = Math.max(0, Math.floor(Math.min(...ends)) - 2);
    return [from, Math.max(1, Math.min(side, Math.ceil(Math.max(...ends)) + 2) - from)];
  });
  return [sides[0][0], sides[1][0], sides[0][1], sides[1][1]];
}
