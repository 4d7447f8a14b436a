// From levels to matter: the constants and formulas of datasets/canonical.py (tests/test_viewer.py holds them together),
// and how a shadow is told in millimetres of steel.

/** Mean attenuation, then a_low / a_high of organic matter, aluminium and steel there. */
export const MATERIAL_RATIOS = [
  [0.02, 1.24, 2.09, 3.82],
  [0.1, 1.23, 1.99, 3.45],
  [0.2, 1.23, 1.89, 3.11],
  [0.5, 1.21, 1.71, 2.63],
  [1.0, 1.2, 1.58, 2.27],
  [2.0, 1.18, 1.45, 1.93],
  [3.0, 1.17, 1.38, 1.7],
  [4.0, 1.16, 1.34, 1.55],
  [5.0, 1.15, 1.3, 1.44],
  [6.0, 1.14, 1.27, 1.37],
];
/** Dyes of organic, mixed and metal: how strongly each removes red, green, blue. */
export const DYES = [
  [0.3, 0.62, 1.6],
  [0.9, 0.42, 1.0],
  [1.4, 0.75, 0.28],
];
export const DEPTH_EXPONENT = 0.8;
export const FADE_ATTENUATION = 0.03;
export const DENSE_ATTENUATION = [4.5, 6.0];
export const FLOOR_TRANSMISSION = 1e-3;
export const DEEPEST = -Math.log(FLOOR_TRANSMISSION);
/** Transmission at or under which nobody can judge: DensePolicy of inference/dense.py. */
export const DENSE_TRANSMISSION = 0.005;

/** Steel in mm, and the high-energy attenuation behind it: the 160 kV preset tunnel160, full spectrum. */
export const STEEL_CURVE = [
  [0, 0], [0.5, 0.208], [1, 0.391], [2, 0.718], [3, 1.012], [5, 1.545], [8, 2.271], [10, 2.724], [15, 3.789], [20, 4.786],
];

/** Attenuation -ln(I/I0) of a level, between 0 and DEEPEST. */
export function attenuation(level, airLevel) {
  return -Math.log(Math.min(1, Math.max(FLOOR_TRANSMISSION, level / airLevel)));
}

/** Piecewise linear, level beyond both ends; rows are [x, y, …] by rising x. */
export function interpolate(rows, x, column = 1) {
  if (x <= rows[0][0]) return rows[0][column];
  for (let at = 1; at < rows.length; at += 1) {
    const left = rows[at - 1];
    const right = rows[at];
    if (x <= right[0]) return left[column] + ((right[column] - left[column]) * (x - left[0])) / (right[0] - left[0]);
  }
  return rows[rows.length - 1][column];
}

/**
 * Where matter stands: place between organic 0, mixed 1/2 and metal 1, and the share of the attenuation that is left
 * when as much organic matter is taken away as the two energies allow.
 *
 * The share takes the pixel for organic matter and steel behind each other: with ratios r_o and r_s of both at the
 * pixel's mean attenuation, a_low = r_o·o + r_s·s and a_high = o + s give s, and share = s·(r_s + 1) / (a_low + a_high).
 */
export function matter(low, high) {
  const mean = (low + high) / 2;
  const organic = interpolate(MATERIAL_RATIOS, mean, 1);
  const mixed = interpolate(MATERIAL_RATIOS, mean, 2);
  const metal = interpolate(MATERIAL_RATIOS, mean, 3);
  const ratio = low / Math.max(high, 1e-6);
  const above = clamp((ratio - organic) / (mixed - organic)) + clamp((ratio - mixed) / (metal - mixed));
  const trust = Math.min(high / FADE_ATTENUATION, 1);
  const dense = clamp((mean - DENSE_ATTENUATION[0]) / (DENSE_ATTENUATION[1] - DENSE_ATTENUATION[0]));
  const steel = clamp((ratio - organic) / (metal - organic)) * trust;
  const inorganic = clamp((steel * high * (metal + 1)) / Math.max(low + high, 1e-6));
  return { place: Math.max((above / 2) * trust, dense), inorganic: Math.max(inorganic, dense) };
}

/** Millimetres of steel that shadow as much at high energy; null where the beam is too weak to tell. */
export function steelEquivalentMm(attenuationHigh) {
  const last = STEEL_CURVE[STEEL_CURVE.length - 1];
  if (!(attenuationHigh <= last[1])) return null;
  return interpolate(STEEL_CURVE.map(([mm, shadow]) => [shadow, mm]), attenuationHigh);
}

export const clamp = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));
