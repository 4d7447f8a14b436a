// Two passes. "Develop" turns levels into colours, one fragment a scan pixel, when a tool changes; "show" lays the
// developed picture on the screen, one fragment a screen pixel, when zoom or place change.

import { DEPTH_STEPS, PLACE_STEPS, RATIO_STEPS } from "./palettes.js";
import { DEEPEST, DENSE_ATTENUATION, DEPTH_EXPONENT, FADE_ATTENUATION, FLOOR_TRANSMISSION } from "./physics.js";

const float = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));

/** A triangle that covers the viewport. */
export const COVER = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

/**
 * Constants that a shader is compiled with. Software renderers pay for every branch that stands in the text, taken or
 * not, so each combination of tools that fetch gets a shader of its own.
 */
export const variantOf = (plate, recipe) => ({
  KIND: { "dual-energy": 0, "grey-16": 1, "grey-8": 1, "pseudo-colour": 2 }[plate.kind],
  MATERIAL: recipe.material,
  EDGES: Number(recipe.edges > 0),
  CALM: Number(recipe.calm),
  TONE: Number(recipe.tone !== null),
  RING: Number(plate.ring),
});

export const develop = (variant) => `#version 300 es
${Object.entries(variant).map(([name, value]) => `#define ${name} ${value}`).join("\n")}
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp sampler2D;

uniform usampler2D uLevels;
uniform sampler2D uRatios;
uniform sampler2D uPalette;
uniform sampler2D uTone;
uniform ivec2 uSize;
uniform float uAir;
uniform vec3 uWindow;
uniform float uGamma;
uniform float uHighShare;
uniform float uEdges;
uniform bool uGrey;
uniform bool uNegative;
out vec4 colour;

const float DEEPEST = ${float(DEEPEST)};
const float FLOOR = ${float(FLOOR_TRANSMISSION)};
const vec3 LUMINANCE = vec3(0.299, 0.587, 0.114);

vec3 levels(ivec2 at) {
#if RING
  at.y = (at.y + uSize.y) % uSize.y;
#endif
  return vec3(texelFetch(uLevels, clamp(at, ivec2(0), uSize - 1), 0).rgb);
}

vec3 calmed(ivec2 at) {
  vec3 sum = vec3(0.0);
  for (int y = -1; y <= 1; y += 1) for (int x = -1; x <= 1; x += 1) sum += levels(at + ivec2(x, y));
  return sum / 9.0;
}

// Attenuations: (low, high), (grey, grey), or one of each colour.
vec3 shadow(vec3 level) {
#if KIND == 0
  return vec3(-log(clamp(level.rg / uAir, FLOOR, 1.0)), 0.0);
#elif KIND == 1
  return vec3(-log(clamp(level.r / uAir, FLOOR, 1.0)));
#else
  return -log(clamp(level / uAir, FLOOR, 1.0));
#endif
}

float depthOf(vec3 a) {
#if KIND == 0
  return mix((a.r + a.g) * 0.5, a.g, uHighShare);
#else
  return (a.r + a.g + a.b) / 3.0;
#endif
}

float root(float a) { return sqrt(clamp(a / DEEPEST, 0.0, 1.0)); }

float onTexels(float share, float steps) { return (share * (steps - 1.0) + 0.5) / steps; }

vec3 painted(float place, float mean) {
  return texture(uPalette, vec2(onTexels(root(mean), ${float(DEPTH_STEPS)}), onTexels(place, ${float(PLACE_STEPS)}))).rgb;
}

float edge(ivec2 at, float mean) {
  float around = depthOf(shadow(levels(at + ivec2(1, 0)))) + depthOf(shadow(levels(at - ivec2(1, 0))))
    + depthOf(shadow(levels(at + ivec2(0, 1)))) + depthOf(shadow(levels(at - ivec2(0, 1))));
  return mean - around * 0.25;
}

// As physics.js: place between organic, mixed and metal, and the share left without organic matter.
vec2 matterOf(vec3 a) {
  float mean = (a.r + a.g) * 0.5;
  vec3 known = texelFetch(uRatios, ivec2(root(mean) * ${float(RATIO_STEPS - 1)} + 0.5, 0), 0).rgb;
  float ratio = a.r / max(a.g, 1e-6);
  float above = clamp((ratio - known.x) / (known.y - known.x), 0.0, 1.0) + clamp((ratio - known.y) / (known.z - known.y), 0.0, 1.0);
  float trust = min(a.g / ${float(FADE_ATTENUATION)}, 1.0);
  float dense = clamp((mean - ${float(DENSE_ATTENUATION[0])}) / ${float(DENSE_ATTENUATION[1] - DENSE_ATTENUATION[0])}, 0.0, 1.0);
  float steel = clamp((ratio - known.x) / (known.z - known.x), 0.0, 1.0) * trust;
  float inorganic = clamp(steel * a.g * (known.z + 1.0) / max(a.r + a.g, 1e-6), 0.0, 1.0);
  return max(vec2(above * 0.5 * trust, inorganic), vec2(dense));
}

vec3 dualEnergy(vec3 a, float shown) {
  vec2 matter = matterOf(a);
#if MATERIAL == 0
  return painted(matter.r, shown);
#elif MATERIAL == 2
  // What is left of metal behind organic matter is metal, though both together looked mixed.
  return painted(0.5 + 0.5 * smoothstep(0.45, 0.65, matter.r), shown * matter.g * smoothstep(0.05, 0.2, matter.g));
#else
  float kept = MATERIAL == 1 ? 1.0 - smoothstep(0.15, 0.35, matter.r) : smoothstep(0.6, 0.8, matter.r);
  vec3 ghost = vec3(exp(-0.78 * pow(shown * 0.12, ${float(DEPTH_EXPONENT)})));
  return mix(ghost, painted(matter.r, shown), kept);
#endif
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
#if CALM
  vec3 a = shadow(calmed(at));
#else
  vec3 a = shadow(levels(at));
#endif
  float mean = depthOf(a);
  float depth = mean;
#if EDGES
  depth = max(0.0, depth + uEdges * edge(at, depth));
#endif
#if TONE
  depth = texture(uTone, vec2(onTexels(root(depth), 256.0), 0.5)).r;
#endif
  float share = clamp((depth - uWindow.x) / (uWindow.y - uWindow.x), 0.0, 1.0);
  float shown = uWindow.z * pow(share, uGamma);
#if KIND == 0
  vec3 rgb = dualEnergy(a, shown);
#elif KIND == 1
  vec3 rgb = painted(0.0, shown);
#else
  vec3 rgb = exp(-a * (shown / max(mean, 1e-4)));
  if (uGrey) rgb = vec3(dot(rgb, LUMINANCE));
#endif
  if (uNegative) {
    // Turns lightness over and keeps the hue, for the hue tells the material.
    float most = max(rgb.r, max(rgb.g, rgb.b));
    float least = min(rgb.r, min(rgb.g, rgb.b));
    rgb += 1.0 - most - least;
  }
  colour = vec4(rgb, 1.0);
}`;

/** Passes are clipped to the picture, so only the loupe has to leave pixels out. */
export const show = ({ cubic, round }) => `#version 300 es
#define CUBIC ${Number(cubic)}
#define ROUND ${Number(round)}
precision highp float;
precision highp sampler2D;

uniform sampler2D uPicture;
uniform vec2 uTexels;
uniform mat2 uToTexels;
uniform vec2 uOrigin;
uniform float uHeight;
uniform vec3 uCircle;
out vec4 colour;

vec3 fetched(vec2 texel) { return texture(uPicture, texel / uTexels).rgb; }

// Catmull-Rom from five bilinear fetches: smooth where a scan pixel covers many screen pixels.
vec3 cubic(vec2 px) {
  vec2 middle = floor(px - 0.5) + 0.5;
  vec2 f = px - middle;
  vec2 w0 = f * (-0.5 + f * (1.0 - 0.5 * f));
  vec2 w1 = 1.0 + f * f * (-2.5 + 1.5 * f);
  vec2 w2 = f * (0.5 + f * (2.0 - 1.5 * f));
  vec2 w3 = f * f * (-0.5 + 0.5 * f);
  vec2 w12 = w1 + w2;
  vec2 at12 = middle + w2 / w12;
  vec4 sum = vec4(fetched(at12), 1.0) * (w12.x * w12.y);
  sum += vec4(fetched(vec2(middle.x - 1.0, at12.y)), 1.0) * (w0.x * w12.y);
  sum += vec4(fetched(vec2(middle.x + 2.0, at12.y)), 1.0) * (w3.x * w12.y);
  sum += vec4(fetched(vec2(at12.x, middle.y - 1.0)), 1.0) * (w12.x * w0.y);
  sum += vec4(fetched(vec2(at12.x, middle.y + 2.0)), 1.0) * (w12.x * w3.y);
  return clamp(sum.rgb / sum.a, 0.0, 1.0);
}

void main() {
  vec2 screen = vec2(gl_FragCoord.x, uHeight - gl_FragCoord.y);
  vec2 texel = uToTexels * screen + uOrigin;
#if ROUND
  if (distance(screen, uCircle.xy) > uCircle.z) discard;
  if (any(lessThan(texel, vec2(0.0))) || any(greaterThanEqual(texel, uTexels))) discard;
#endif
#if CUBIC
  colour = vec4(cubic(texel), 1.0);
#else
  colour = vec4(fetched(texel), 1.0);
#endif
}`;
