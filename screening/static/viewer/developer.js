// Levels in, RGBA out; shared by the standing picture and the belt. shaders.js tells the passes.

import { levelFormat, program, texture } from "./gl.js";
import { DEPTH_STEPS, PLACE_STEPS, RATIO_STEPS, paletteTable, ratioTable } from "./palettes.js";
import { COVER, TABLE_STEPS, bake, digest, paint, recolour } from "./shaders.js";

const UNITS = { uLevels: 0, uDigest: 0, uRatios: 1, uTable: 1, uPalette: 2, uTone: 3 };
const isColoured = (plate) => plate.kind === "pseudo-colour";

/** Levels on the graphics unit, what was digested of them, and their developed picture. */
export class Plate {
  constructor(gl, { kind, width, height, airLevel, data = null, ring = false }) {
    Object.assign(this, { kind, width, height, airLevel, ring });
    const [internal, format, type] = levelFormat(gl, kind);
    this.levels = texture(gl);
    gl.texStorage2D(gl.TEXTURE_2D, 1, internal, width, height);
    if (data) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, format, type, data);
    this.target = target(gl, gl.RGBA8, width, height, { filter: gl.LINEAR, wrapRows: ring ? gl.REPEAT : gl.CLAMP_TO_EDGE });
    this.picture = this.target.texture;
    /** As they are, and averaged over 3 × 3 pixels; `done` is the part [x, y, width, height] that is digested. */
    this.digests = [null, null];
  }

  digest(gl, calm) {
    const at = Number(calm);
    this.digests[at] ??= { ...target(gl, gl.RGBA16UI, this.width, this.height), done: null };
    return this.digests[at];
  }

  dispose(gl) {
    gl.deleteTexture(this.levels);
    for (const made of [this.target, ...this.digests]) if (made) dispose(gl, made);
  }
}

function target(gl, internal, width, height, sampling) {
  const made = { texture: texture(gl, sampling), frame: gl.createFramebuffer() };
  gl.texStorage2D(gl.TEXTURE_2D, 1, internal, width, height);
  gl.bindFramebuffer(gl.FRAMEBUFFER, made.frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, made.texture, 0);
  gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  return made;
}

function dispose(gl, { texture: bound, frame }) {
  gl.deleteTexture(bound);
  gl.deleteFramebuffer(frame);
}

/** Develops plates by a recipe (tools.js: recipeOf). */
export class Developer {
  #programs = new Map();
  #palettes = new Map();
  #baked = "";
  #tone = null;

  constructor(gl) {
    this.gl = gl;
    this.ratios = texture(gl);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA16F, RATIO_STEPS, 1);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, RATIO_STEPS, 1, gl.RGBA, gl.FLOAT, ratioTable());
    this.tones = texture(gl, { filter: gl.LINEAR });
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R16F, 256, 1);
    this.table = target(gl, gl.RGBA8, TABLE_STEPS, PLACE_STEPS, { filter: gl.LINEAR });
  }

  /** Compile the shaders and make the palette of a recipe before they are asked for. */
  prepare(plate, recipe, looks) {
    if (isColoured(plate)) {
      this.#recolour(recipe);
      return;
    }
    this.#digest(plate, recipe.calm);
    this.#paint(plate, recipe);
    this.#bake(recipe);
    this.#palette(recipe.palette, looks);
  }

  forgetPalettes() {
    for (const table of this.#palettes.values()) this.gl.deleteTexture(table);
    this.#palettes.clear();
    this.#baked = "";
  }

  /** Develop a part [x, y, width, height] of a plate; all of it where none is named. */
  develop(plate, recipe, looks, part = whole(plate)) {
    const { gl } = this;
    if (recipe.tone && recipe.tone !== this.#tone) this.#takeTone(recipe.tone);
    if (isColoured(plate)) {
      this.#run(this.#recolour(recipe), plate.target, part, { uLevels: plate.levels, uTone: this.tones }, plate, recipe);
      return;
    }
    const digested = this.digest(plate, recipe.calm, part);
    this.#makeTable(recipe, looks);
    const textures = { uDigest: digested.texture, uTable: this.table.texture, uTone: this.tones };
    this.#run(this.#paint(plate, recipe), plate.target, part, textures, plate, recipe);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** Digest a part, where it is not yet; lines of a ring are always new. */
  digest(plate, calm, part = whole(plate)) {
    const found = plate.digest(this.gl, calm);
    if (plate.ring || !found.done || !within(part, found.done)) {
      this.#run(this.#digest(plate, calm), found, part, { uLevels: plate.levels, uRatios: this.ratios }, plate, null);
      found.done = part;
    }
    return found;
  }

  #makeTable(recipe, looks) {
    const { palette, material, window, gamma, negative, tone } = recipe;
    const key = JSON.stringify([palette, material, window, gamma, negative, tone && Array.from(tone)]);
    const colours = this.#palette(palette, looks);
    if (key === this.#baked) return;
    const size = { width: TABLE_STEPS, height: PLACE_STEPS };
    this.#run(this.#bake(recipe), this.table, whole(size), { uPalette: colours, uTone: this.tones }, null, recipe);
    this.#baked = key;
  }

  #takeTone(tone) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0 + UNITS.uTone);
    gl.bindTexture(gl.TEXTURE_2D, this.tones);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 1, gl.RED, gl.FLOAT, tone);
    this.#tone = tone;
  }

  #digest = ({ kind, ring }, calm) => this.#program(digest, { grey: kind !== "dual-energy", calm, ring });
  #bake = ({ material, tone }) => this.#program(bake, { material, tone: tone !== null });
  #recolour = ({ tone, edges }) => this.#program(recolour, { tone: tone !== null, edges: edges > 0 });
  #paint = ({ ring }, { material, tone, edges, highShare }) => {
    const strip = material === 2;
    return this.#program(paint, { strip, tone: strip && tone !== null, edges: edges > 0, high: highShare > 0, ring });
  };

  #program(shader, variant) {
    const text = shader(variant);
    if (!this.#programs.has(text)) this.#programs.set(text, program(this.gl, COVER, text));
    return this.#programs.get(text);
  }

  #palette(name, looks) {
    if (!this.#palettes.has(name)) {
      const { gl } = this;
      gl.activeTexture(gl.TEXTURE0 + UNITS.uPalette);
      this.#palettes.set(name, texture(gl, { filter: gl.LINEAR }));
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, DEPTH_STEPS, PLACE_STEPS);
      const table = paletteTable(name, looks);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, DEPTH_STEPS, PLACE_STEPS, gl.RGBA, gl.UNSIGNED_BYTE, table);
    }
    return this.#palettes.get(name);
  }

  #run({ linked, uniforms }, { frame }, part, textures, plate, recipe) {
    const { gl } = this;
    gl.useProgram(linked);
    for (const [name, bound] of Object.entries(textures)) {
      gl.activeTexture(gl.TEXTURE0 + UNITS[name]);
      gl.bindTexture(gl.TEXTURE_2D, bound);
      gl.uniform1i(uniforms[name] ?? null, UNITS[name]);
    }
    if (plate) gl.uniform2i(uniforms.uSize ?? null, plate.width, plate.height);
    if (plate) gl.uniform1f(uniforms.uAir ?? null, plate.airLevel);
    if (recipe) this.#set(uniforms, recipe);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.viewport(...part);
    gl.disable(gl.SCISSOR_TEST);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** Uniforms that a variant does not use have no location; setting those does nothing. */
  #set(uniforms, recipe) {
    const { gl } = this;
    gl.uniform3fv(uniforms.uWindow ?? null, recipe.window);
    gl.uniform1f(uniforms.uGamma ?? null, recipe.gamma);
    gl.uniform1f(uniforms.uHighShare ?? null, recipe.highShare);
    gl.uniform1f(uniforms.uEdges ?? null, recipe.edges);
    gl.uniform1i(uniforms.uGrey ?? null, Number(recipe.grey));
    gl.uniform1i(uniforms.uNegative ?? null, Number(recipe.negative));
  }
}

const whole = ({ width, height }) => [0, 0, width, height];

export const within = ([x, y, width, height], [left, top, wide, high]) =>
  x >= left && y >= top && x + width <= left + wide && y + height <= top + high;
