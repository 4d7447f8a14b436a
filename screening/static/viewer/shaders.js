// Four passes. "Digest" turns a scan's levels into depth and matter, once a scan; "bake" makes the table of colours of a
// setting of the tools, once a change; "paint" looks each scan pixel up in it; "show" lays the painted picture on the
// screen, one fragment a screen pixel, when zoom or place change. So what a person waits for after a key is two fetches
// a pixel, whatever the tool does. Coloured sources have no depth to digest and are developed in one pass.

import { DEPTH_STEPS, PLACE_STEPS, RATIO_STEPS } from "./palettes.js";
import { DEEPEST, DENSE_ATTENUATION, DEPTH_EXPONENT, FADE_ATTENUATION, FLOOR_TRANSMISSION } from "./physics.js";

const float = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));

/** A triangle that covers the viewport. */
export const COVER = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`;

/** The table of colours: columns are the root of depth, rows the place; what lies between is interpolated. */
export const TABLE_STEPS = 1024;

/**
 * Constants that a shader is compiled with. Software renderers pay for every branch that stands in the text, taken or
 * not, so each combination of tools that fetch gets a shader of its own.
 */
const defined = (variant) => `#version 300 es
${Object.entries(variant).map(([name, value]) => `#define ${name} ${Number(value)}`).join("\n")}
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp sampler2D;

const float DEEPEST = ${float(DEEPEST)};
const float FLOOR = ${float(FLOOR_TRANSMISSION)};
const vec3 LUMINANCE = vec3(0.299, 0.587, 0.114);
float root(float a) { return sqrt(clamp(a / DEEPEST, 0.0, 1.0)); }
float onTexels(float share, float steps) { return (share * (steps - 1.0) + 0.5) / steps; }
`;

const LEVELS = `
uniform usampler2D uLevels;
uniform ivec2 uSize;
uniform float uAir;
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
`;

/** Levels to uint16 (root of mean depth, place, share left without organic matter, root of depth at high energy). */
export const digest = ({ grey, calm, ring }) => `${defined({ GREY: grey, CALM: calm, RING: ring })}${LEVELS}
uniform sampler2D uRatios;
out uvec4 digested;

// As physics.js: place between organic, mixed and metal, and the share left without organic matter.
vec2 matterOf(vec2 a) {
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

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
#if CALM
  vec2 level = calmed(at).rg;
#else
  vec2 level = levels(at).rg;
#endif
  vec2 a = -log(clamp(level / uAir, FLOOR, 1.0));
#if GREY
  vec4 found = vec4(root(a.r), 0.0, 0.0, root(a.r));
#else
  vec4 found = vec4(root((a.r + a.g) * 0.5), matterOf(a), root(a.g));
#endif
  digested = uvec4(found * 65535.0 + 0.5);
}`;

const TONES = `
uniform sampler2D uTone;
uniform vec3 uWindow;
uniform float uGamma;
/** Depth as it is shown: equalised where asked, the window spread, gamma. */
float shownOf(float depth) {
#if TONE
  depth = texture(uTone, vec2(onTexels(root(depth), 256.0), 0.5)).r;
#endif
  float share = clamp((depth - uWindow.x) / (uWindow.y - uWindow.x), 0.0, 1.0);
  return uWindow.z * pow(share, uGamma);
}
`;

const TURNED = `
vec3 turned(vec3 rgb) {
  // Turns lightness over and keeps the hue, for the hue tells the material.
  float most = max(rgb.r, max(rgb.g, rgb.b));
  float least = min(rgb.r, min(rgb.g, rgb.b));
  return rgb + 1.0 - most - least;
}
`;

/** The colour of every depth and place. What is stripped has its shades from the painting: its table is by shown depth. */
export const bake = ({ material, tone }) => `${defined({ MATERIAL: material, TONE: tone })}${TONES}${TURNED}
uniform sampler2D uPalette;
uniform bool uNegative;
out vec4 colour;

vec3 painted(float place, float mean) {
  return texture(uPalette, vec2(onTexels(root(mean), ${float(DEPTH_STEPS)}), onTexels(place, ${float(PLACE_STEPS)}))).rgb;
}

void main() {
  vec2 at = (gl_FragCoord.xy - 0.5) / vec2(${float(TABLE_STEPS - 1)}, ${float(PLACE_STEPS - 1)});
  float depth = at.x * at.x * DEEPEST;
  float place = at.y;
#if MATERIAL == 0
  vec3 rgb = painted(place, shownOf(depth));
#elif MATERIAL == 2
  // What is left of metal behind organic matter is metal, though both together looked mixed.
  vec3 rgb = painted(0.5 + 0.5 * smoothstep(0.45, 0.65, place), depth);
#else
  float shown = shownOf(depth);
  float kept = MATERIAL == 1 ? 1.0 - smoothstep(0.15, 0.35, place) : smoothstep(0.6, 0.8, place);
  vec3 ghost = vec3(exp(-0.78 * pow(shown * 0.12, ${float(DEPTH_EXPONENT)})));
  vec3 rgb = mix(ghost, painted(place, shown), kept);
#endif
  colour = vec4(uNegative ? turned(rgb) : rgb, 1.0);
}`;

/** A digest through the table. */
export const paint = ({ strip, tone, edges, high, ring }) => `${defined({ STRIP: strip, TONE: tone, EDGES: edges, HIGH: high, RING: ring })}${TONES}
uniform usampler2D uDigest;
uniform sampler2D uTable;
uniform ivec2 uSize;
uniform float uHighShare;
uniform float uEdges;
out vec4 colour;

vec4 digestAt(ivec2 at) {
#if RING
  at.y = (at.y + uSize.y) % uSize.y;
#endif
  return vec4(texelFetch(uDigest, clamp(at, ivec2(0), uSize - 1), 0)) / 65535.0;
}

float squareOf(vec4 found) {
#if HIGH
  return mix(found.r * found.r, found.a * found.a, uHighShare);
#else
  return found.r * found.r;
#endif
}

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec4 found = vec4(texelFetch(uDigest, at, 0)) / 65535.0;
#if EDGES
  float around = squareOf(digestAt(at + ivec2(1, 0))) + squareOf(digestAt(at - ivec2(1, 0)))
    + squareOf(digestAt(at + ivec2(0, 1))) + squareOf(digestAt(at - ivec2(0, 1)));
  float square = squareOf(found);
  float along = sqrt(clamp(square + uEdges * (square - around * 0.25), 0.0, 1.0));
#elif HIGH
  float along = sqrt(squareOf(found));
#else
  float along = found.r;
#endif
#if STRIP
  along = root(shownOf(along * along * DEEPEST) * found.b * smoothstep(0.05, 0.2, found.b));
#endif
  colour = texture(uTable, vec2(onTexels(along, ${float(TABLE_STEPS)}), onTexels(found.g, ${float(PLACE_STEPS)})));
}`;

/** Coloured sources: each colour's own shadow is deepened by one factor, so hues stay. */
export const recolour = ({ tone, edges }) => `${defined({ TONE: tone, EDGES: edges, RING: false })}${LEVELS}${TONES}${TURNED}
uniform float uEdges;
uniform bool uGrey;
uniform bool uNegative;
out vec4 colour;

vec3 shadow(vec3 level) { return -log(clamp(level / uAir, FLOOR, 1.0)); }
float depthAt(ivec2 at) { return dot(shadow(levels(at)), vec3(1.0 / 3.0)); }

void main() {
  ivec2 at = ivec2(gl_FragCoord.xy);
  vec3 a = shadow(levels(at));
  float mean = (a.r + a.g + a.b) / 3.0;
  float depth = mean;
#if EDGES
  float around = depthAt(at + ivec2(1, 0)) + depthAt(at - ivec2(1, 0)) + depthAt(at + ivec2(0, 1)) + depthAt(at - ivec2(0, 1));
  depth = max(0.0, depth + uEdges * (depth - around * 0.25));
#endif
  vec3 rgb = exp(-a * (shownOf(depth) / max(mean, 1e-4)));
  if (uGrey) rgb = vec3(dot(rgb, LUMINANCE));
  colour = vec4(uNegative ? turned(rgb) : rgb, 1.0);
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
