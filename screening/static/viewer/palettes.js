// Tables that the renderers look colours up in; made once and kept.

import { DEEPEST, DEPTH_EXPONENT, DYES, MATERIAL_RATIOS, clamp, interpolate } from "./physics.js";

/** Palette table: columns are shown attenuation (square root again), rows the place between organic and metal. */
export const DEPTH_STEPS = 512;
export const PLACE_STEPS = 65;
/** Dye of black/white: as dark as the canonical colours are on average. */
const NEUTRAL_DYE = 0.78;

export const CANONICAL = "canonical";
export const MONOCHROME = "monochrome";
export const LINEAR = "linear";

/** Steps of the ratio table, even in the square root of mean attenuation; so many that the nearest one will do. */
export const RATIO_STEPS = 1024;

/** Float32 (RATIO_STEPS, 4): a_low / a_high of organic matter, aluminium and steel, and 1. */
export function ratioTable() {
  return Float32Array.from({ length: RATIO_STEPS * 4 }, (_, at) => {
    const mean = depthOf(Math.floor(at / 4), RATIO_STEPS);
    return at % 4 === 3 ? 1 : interpolate(MATERIAL_RATIOS, mean, 1 + (at % 4));
  });
}

/** Uint8 (PLACE_STEPS, DEPTH_STEPS, 4) RGBA of a palette: canonical, monochrome, linear, or a look of the server. */
export function paletteTable(name, looks = {}) {
  const colour = painter(name, looks);
  const table = new Uint8Array(PLACE_STEPS * DEPTH_STEPS * 4);
  for (let row = 0; row < PLACE_STEPS; row += 1) {
    for (let column = 0; column < DEPTH_STEPS; column += 1) {
      const rgb = colour(row / (PLACE_STEPS - 1), depthOf(column, DEPTH_STEPS));
      table.set([...rgb.map((value) => Math.round(clamp(value) * 255)), 255], (row * DEPTH_STEPS + column) * 4);
    }
  }
  return table;
}

const depthOf = (step, steps) => DEEPEST * (step / (steps - 1)) ** 2;

function painter(name, looks) {
  if (name === MONOCHROME) return (_place, mean) => Array(3).fill(Math.exp(-(mean ** DEPTH_EXPONENT) * NEUTRAL_DYE));
  if (name === LINEAR) return (_place, mean) => Array(3).fill(Math.exp(-mean));
  if (Object.hasOwn(looks, name)) return (place, mean) => lookColour(looks[name], place, mean);
  return canonicalColour;
}

function canonicalColour(place, mean) {
  const depth = mean ** DEPTH_EXPONENT;
  return [0, 1, 2].map((channel) => Math.exp(-depth * between(DYES.map((dye) => dye[channel]), place * 2)));
}

/** A scanner's look (configs/looks): the class comes from our place instead of the look's own index. */
function lookColour(look, place, mean) {
  const last = look.ramps.length - 1;
  const depth = clamp((mean - look.air) / (look.deepest - look.air)) ** look.exponent;
  const at = crisped(place * last, look.crisp);
  const opaque = look.opaque ? clamp((mean - look.opaque_from) / 0.3) : 0;
  return [0, 1, 2].map((channel) => {
    const middle = between(look.ramps.map((ramp) => ramp.middle[channel]), at);
    const dark = between(look.ramps.map((ramp) => ramp.dark[channel]), at);
    const rising = 255 + (middle - 255) * Math.min(depth / look.middle_depth, 1);
    const value = rising + (dark - middle) * Math.max((depth - look.middle_depth) / (1 - look.middle_depth), 0);
    return ((value * (1 - opaque) + (look.opaque?.[channel] ?? 0) * opaque) * look.background[channel]) / 255 / 255;
  });
}

function crisped(place, crisp) {
  const whole = Math.floor(place);
  const [near, far] = [(place - whole) ** crisp, (1 - place + whole) ** crisp];
  return whole + near / (near + far);
}

function between(values, at) {
  const left = Math.min(Math.floor(at), values.length - 1);
  const right = Math.min(left + 1, values.length - 1);
  return values[left] + (values[right] - values[left]) * (at - left);
}
