// The same pictures without a graphics unit: slower, and with the tools that need no neighbours.

import { DEPTH_STEPS, PLACE_STEPS, paletteTable } from "./palettes.js";
import { DEEPEST, FLOOR_TRANSMISSION, clamp, matter } from "./physics.js";

const smoothstep = (low, high, value) => {
  const t = clamp((value - low) / (high - low));
  return t * t * (3 - 2 * t);
};
const root = (a) => Math.sqrt(clamp(a / DEEPEST));

export class PlainRenderer {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.name = "2d";
    this.palettes = new Map();
    this.views = [];
    this.sheets = [];
  }

  setViews(views) {
    this.views = views;
    this.sheets = views.map(({ width, height }) => new OffscreenCanvas(width, height));
  }

  develop(recipes, looks) {
    this.views.forEach((view, at) => {
      const picture = new ImageData(view.width, view.height);
      fill(picture.data, view, recipes[at], this.prepare(recipes[at].palette, looks));
      this.sheets[at].getContext("2d").putImageData(picture, 0, 0);
    });
  }

  prepare(palette, looks) {
    if (!this.palettes.has(palette)) this.palettes.set(palette, paletteTable(palette, looks));
    return this.palettes.get(palette);
  }

  forgetPalettes() {
    this.palettes.clear();
  }

  draw(passes, ground) {
    const { context: pen, canvas } = this;
    pen.resetTransform();
    pen.fillStyle = css(ground);
    pen.fillRect(0, 0, canvas.width, canvas.height);
    for (const { view, toScan, clip, filter, circle, ground: own } of passes) {
      pen.save();
      pen.beginPath();
      pen.rect(...clip);
      pen.clip();
      if (own) {
        pen.fillStyle = css(own);
        pen.fillRect(...clip);
      }
      if (circle) {
        pen.beginPath();
        pen.arc(circle[0], circle[1], circle[2], 0, 2 * Math.PI);
        pen.clip();
      }
      pen.imageSmoothingEnabled = filter !== "nearest";
      pen.setTransform(new DOMMatrix(toScan).inverse());
      pen.drawImage(this.sheets[view], 0, 0);
      pen.restore();
    }
    return true;
  }
}

const css = (rgb) => `rgb(${rgb.map((value) => Math.round(value * 255)).join(" ")})`;

function fill(out, view, recipe, palette) {
  const paint = view.kind === "pseudo-colour" ? tinted : matterColour;
  const shadows = Float32Array.from({ length: view.kind.endsWith("8") || view.channels === 3 ? 256 : 65536 }, (_, level) =>
    -Math.log(clamp(level / view.airLevel, FLOOR_TRANSMISSION, 1)));
  const rgb = [0, 0, 0];
  for (let pixel = 0; pixel < view.width * view.height; pixel += 1) {
    paint(rgb, view, pixel * view.channels, shadows, recipe, palette);
    const shift = recipe.negative ? 255 - Math.max(...rgb) - Math.min(...rgb) : 0;
    out[pixel * 4] = rgb[0] + shift;
    out[pixel * 4 + 1] = rgb[1] + shift;
    out[pixel * 4 + 2] = rgb[2] + shift;
    out[pixel * 4 + 3] = 255;
  }
}

function shownDepth(mean, { tone, window: [low, high, most], gamma }) {
  const depth = tone ? tone[Math.round(root(mean) * 255)] : mean;
  return most * clamp((depth - low) / (high - low)) ** gamma;
}

function matterColour(rgb, view, at, shadows, recipe, palette) {
  const low = shadows[view.data[at]];
  const high = view.channels === 2 ? shadows[view.data[at + 1]] : low;
  const half = (low + high) / 2;
  let shown = shownDepth(half + (high - half) * recipe.highShare, recipe);
  let place = 0;
  let kept = 1;
  if (view.channels === 2) {
    const found = matter(low, high);
    place = found.place;
    if (recipe.material === 2) {
      shown *= found.inorganic * smoothstep(0.05, 0.2, found.inorganic);
      place = 0.5 + 0.5 * smoothstep(0.45, 0.65, place);
    } else if (recipe.material === 1) kept = 1 - smoothstep(0.15, 0.35, place);
    else if (recipe.material === 3) kept = smoothstep(0.6, 0.8, place);
  }
  const column = Math.round(root(shown) * (DEPTH_STEPS - 1));
  const colour = (Math.round(place * (PLACE_STEPS - 1)) * DEPTH_STEPS + column) * 4;
  const ghost = kept < 1 ? 255 * Math.exp(-0.78 * (shown * 0.12) ** 0.8) : 0;
  for (let channel = 0; channel < 3; channel += 1) rgb[channel] = palette[colour + channel] * kept + ghost * (1 - kept);
}

function tinted(rgb, view, at, shadows, recipe) {
  const a = [shadows[view.data[at]], shadows[view.data[at + 1]], shadows[view.data[at + 2]]];
  const mean = (a[0] + a[1] + a[2]) / 3;
  const factor = shownDepth(mean, recipe) / Math.max(mean, 1e-4);
  for (let channel = 0; channel < 3; channel += 1) rgb[channel] = 255 * Math.exp(-a[channel] * factor);
  if (recipe.grey) rgb.fill(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]);
}
