// Numbers about the picture itself: an area's density, a pixel's values, the equalising curve.

import { DEEPEST, DENSE_TRANSMISSION, FADE_ATTENUATION, attenuation, matter, steelEquivalentMm } from "./physics.js";

const SAMPLES = 200_000;
const TONE_STEPS = 256;
const EQUALISED_DEPTH = 3.2;
const EQUALISED_SHARE = 0.6;
const MOST_OF_A_STEP = 0.03;

/** Levels (one a channel) of the pixel at (x, y), or null outside. */
export function levelsAt(view, x, y) {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  if (column < 0 || row < 0 || column >= view.width || row >= view.height) return null;
  const at = (row * view.width + column) * view.channels;
  return Array.from(view.data.subarray(at, at + view.channels));
}

/** air, organic, mixed, metal, or dense where the beam tells nothing. */
export function matterWord(low, high) {
  if (Math.min(low, high) >= -Math.log(DENSE_TRANSMISSION)) return "dense";
  if (high < FADE_ATTENUATION) return "air";
  const { place } = matter(low, high);
  return place < 0.25 ? "organic" : place < 0.75 ? "mixed" : "metal";
}

/**
 * Density of a box [x1, y1, x2, y2]: mean transmissions, the share that cannot be judged, steel that shadows alike
 * (from the mean transmission at high energy; null where it cannot be told or the view has one energy).
 */
export function areaDensity(view, box) {
  const [x1, y1, x2, y2] = box.map((value, side) => Math.round(Math.min(side % 2 ? view.height : view.width, Math.max(0, value))));
  const sums = [0, 0];
  let dense = 0;
  let count = 0;
  const floor = DENSE_TRANSMISSION * view.airLevel;
  const last = view.channels - 1;
  for (let row = y1; row < y2; row += 1) {
    for (let at = (row * view.width + x1) * view.channels; at < (row * view.width + x2) * view.channels; at += view.channels) {
      sums[0] += view.data[at];
      sums[1] += view.data[at + last];
      dense += Number(view.data[at] <= floor && view.data[at + last] <= floor);
      count += 1;
    }
  }
  if (count === 0) return null;
  const [low, high] = sums.map((sum) => Math.min(1, sum / count / view.airLevel));
  const shadow = attenuation(sums[1] / count, view.airLevel);
  const dual = view.kind === "dual-energy";
  return { low, high, denseShare: dense / count, steelMm: dual ? steelEquivalentMm(shadow) : null, dual };
}

/** Float32 (256,): attenuation to show for attenuation, both axes' steps even in its square root. */
export function toneCurve(view) {
  const counts = new Float64Array(TONE_STEPS);
  const step = Math.max(1, Math.floor((view.width * view.height) / SAMPLES));
  for (let pixel = 0; pixel < view.width * view.height; pixel += step) {
    const mean = meanAttenuation(view, pixel * view.channels);
    if (mean > FADE_ATTENUATION) counts[Math.round(Math.sqrt(mean / DEEPEST) * (TONE_STEPS - 1))] += 1;
  }
  const total = counts.reduce((sum, count) => sum + count, 0) || 1;
  // No density may take more than a few shades, or noise in flat areas would be blown up.
  const shares = counts.map((count) => Math.min(count / total, MOST_OF_A_STEP));
  const kept = shares.reduce((sum, share) => sum + share, 0) || 1;
  let reached = 0;
  return Float32Array.from(shares, (share, at) => {
    reached += share / kept;
    const plain = DEEPEST * (at / (TONE_STEPS - 1)) ** 2;
    return plain + EQUALISED_SHARE * (reached * EQUALISED_DEPTH - plain) * Math.min(1, plain / FADE_ATTENUATION);
  });
}

/** A view of half the size, each pixel the mean of four: what detectors twice as wide would have read. */
export function halved(view) {
  const { width, height, channels, data } = view;
  const [wide, high] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const half = new data.constructor(wide * high * channels);
  for (let row = 0; row < high; row += 1) {
    const upper = 2 * row * width;
    const lower = Math.min(2 * row + 1, height - 1) * width;
    for (let column = 0; column < wide; column += 1) {
      const left = 2 * column;
      const right = Math.min(left + 1, width - 1);
      for (let channel = 0; channel < channels; channel += 1) {
        const sum = data[(upper + left) * channels + channel] + data[(upper + right) * channels + channel]
          + data[(lower + left) * channels + channel] + data[(lower + right) * channels + channel];
        half[(row * wide + column) * channels + channel] = (sum + 2) >> 2;
      }
    }
  }
  return { ...view, width: wide, height: high, data: half };
}

function meanAttenuation(view, at) {
  let sum = 0;
  for (let channel = 0; channel < view.channels; channel += 1) sum += attenuation(view.data[at + channel], view.airLevel);
  return sum / view.channels;
}
