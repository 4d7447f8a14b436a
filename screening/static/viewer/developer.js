// The develop pass, shared by the standing picture and the belt: levels in, RGBA out.

import { levelFormat, program, texture } from "./gl.js";
import { DEPTH_STEPS, PLACE_STEPS, RATIO_STEPS, paletteTable, ratioTable } from "./palettes.js";
import { COVER, develop, variantOf } from "./shaders.js";

const UNITS = { uLevels: 0, uRatios: 1, uPalette: 2, uTone: 3 };

/** Levels on the graphics unit and their developed picture. */
export class Plate {
  constructor(gl, { kind, width, height, airLevel, data = null, ring = false }) {
    Object.assign(this, { kind, width, height, airLevel, ring });
    const [internal, format, type] = levelFormat(gl, kind);
    this.levels = texture(gl);
    gl.texStorage2D(gl.TEXTURE_2D, 1, internal, width, height);
    if (data) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, format, type, data);
    this.picture = texture(gl, { filter: gl.LINEAR, wrapRows: ring ? gl.REPEAT : gl.CLAMP_TO_EDGE });
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, width, height);
    this.frame = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.picture, 0);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  dispose(gl) {
    gl.deleteTexture(this.levels);
    gl.deleteTexture(this.picture);
    gl.deleteFramebuffer(this.frame);
  }
}

/** Develops plates by a recipe (tools.js: recipeOf). */
export class Developer {
  #programs = new Map();
  #palettes = new Map();

  constructor(gl) {
    this.gl = gl;
    this.ratios = texture(gl);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA16F, RATIO_STEPS, 1);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, RATIO_STEPS, 1, gl.RGBA, gl.FLOAT, ratioTable());
    this.tones = texture(gl, { filter: gl.LINEAR });
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R16F, 256, 1);
  }

  /** Compile a shader and make a palette before they are asked for. */
  prepare(plate, recipe, looks) {
    this.#program(plate, recipe);
    this.#palette(recipe.palette, looks);
  }

  forgetPalettes() {
    for (const table of this.#palettes.values()) this.gl.deleteTexture(table);
    this.#palettes.clear();
  }

  /** Develop a part [x, y, width, height] of a plate; all of it where none is named. */
  develop(plate, recipe, looks, part = [0, 0, plate.width, plate.height]) {
    const { gl } = this;
    const { linked, uniforms } = this.#program(plate, recipe);
    const palette = this.#palette(recipe.palette, looks);
    gl.useProgram(linked);
    this.#bind([plate.levels, this.ratios, palette, this.tones]);
    if (recipe.tone) gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 1, gl.RED, gl.FLOAT, recipe.tone);
    this.#set(uniforms, plate, recipe);
    gl.bindFramebuffer(gl.FRAMEBUFFER, plate.frame);
    gl.viewport(...part);
    gl.disable(gl.SCISSOR_TEST);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  #program(plate, recipe) {
    const variant = variantOf(plate, recipe);
    const key = Object.values(variant).join();
    if (!this.#programs.has(key)) this.#programs.set(key, program(this.gl, COVER, develop(variant)));
    return this.#programs.get(key);
  }

  #palette(name, looks) {
    if (!this.#palettes.has(name)) {
      const { gl } = this;
      gl.activeTexture(gl.TEXTURE0);
      this.#palettes.set(name, texture(gl, { filter: gl.LINEAR }));
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA8, DEPTH_STEPS, PLACE_STEPS);
      const table = paletteTable(name, looks);
      gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, DEPTH_STEPS, PLACE_STEPS, gl.RGBA, gl.UNSIGNED_BYTE, table);
    }
    return this.#palettes.get(name);
  }

  #bind(textures) {
    textures.forEach((bound, unit) => {
      this.gl.activeTexture(this.gl.TEXTURE0 + unit);
      this.gl.bindTexture(this.gl.TEXTURE_2D, bound);
    });
  }

  /** Uniforms that a variant does not use have no location; setting those does nothing. */
  #set(uniforms, plate, recipe) {
    const { gl } = this;
    for (const [name, unit] of Object.entries(UNITS)) gl.uniform1i(uniforms[name] ?? null, unit);
    gl.uniform2i(uniforms.uSize ?? null, plate.width, plate.height);
    gl.uniform1f(uniforms.uAir, plate.airLevel);
    gl.uniform3fv(uniforms.uWindow, recipe.window);
    gl.uniform1f(uniforms.uGamma, recipe.gamma);
    gl.uniform1f(uniforms.uHighShare ?? null, recipe.highShare);
    gl.uniform1f(uniforms.uEdges ?? null, recipe.edges);
    gl.uniform1i(uniforms.uGrey ?? null, Number(recipe.grey));
    gl.uniform1i(uniforms.uNegative, Number(recipe.negative));
  }
}
