// Where a view lies on the screen. Matrices are [a, b, c, d, e, f]: x' = a x + c y + e, y' = b x + d y + f.

const GAP_PX = 6;
/** Quarter turns clockwise, on a screen whose y points down. */
const TURNS = [[1, 0, 0, 1], [0, 1, -1, 0], [-1, 0, 0, -1], [0, -1, 1, 0]];

export const apply = ([a, b, c, d, e, f], { x, y }) => ({ x: a * x + c * y + e, y: b * x + d * y + f });

export function inverse([a, b, c, d, e, f]) {
  const det = a * d - b * c;
  return [d / det, -b / det, -c / det, a / det, (c * f - d * e) / det, (b * e - a * f) / det];
}

/** The matrix for pixels `ratio` times as fine, and moved: device pixels from CSS pixels. */
export const scaled = (matrix, ratio) => matrix.map((value) => value * ratio);

/**
 * Panes of the views, side by side or below each other, whichever shows them larger, at one scale for all.
 * @returns {{fit: number, panes: {x, y, width, height}[]}} fit: screen px a scan px at zoom 1
 */
export function layout(views, width, height, turn) {
  const sizes = views.map((view) => (turn % 2 ? [view.height, view.width] : [view.width, view.height]));
  const gaps = GAP_PX * (views.length - 1);
  const sum = (side) => sizes.reduce((total, size) => total + size[side], 0);
  const most = (side) => Math.max(...sizes.map((size) => size[side]));
  const beside = Math.min((width - gaps) / sum(0), height / most(1));
  const below = Math.min(width / most(0), (height - gaps) / sum(1));
  const side = beside >= below ? 0 : 1;
  const room = (side === 0 ? width : height) - gaps;
  let at = 0;
  const panes = sizes.map((size, index) => {
    const share = (room * size[side]) / sum(side);
    const [from, to] = [Math.round(at + index * GAP_PX), Math.round(at + share + index * GAP_PX)];
    at += share;
    return side === 0 ? { x: from, y: 0, width: to - from, height } : { x: 0, y: from, width, height: to - from };
  });
  return { fit: Math.max(beside, below, 1e-6), panes };
}

/** Scan px → screen px of a view in its pane; `centre` is the point in its middle, in shares of the scan. */
export function placement(view, pane, fit, state, centre) {
  const scale = fit * state.zoom;
  const [a, b, c, d] = TURNS[state.turn].map((value) => value * scale);
  const mirror = state.flip ? -1 : 1;
  const turned = [a * mirror, b * mirror, c, d];
  const middle = apply([...turned, 0, 0], { x: centre.x * view.width, y: centre.y * view.height });
  return [...turned, pane.x + pane.width / 2 - middle.x, pane.y + pane.height / 2 - middle.y];
}

/** A centre moved no farther than the picture's edge at the pane's edge; in the middle where all of it fits. */
export function heldInside(centre, view, pane, scale, turn) {
  const [width, height] = turn % 2 ? [pane.height, pane.width] : [pane.width, pane.height];
  return {
    x: heldSide(centre.x, width / (view.width * scale)),
    y: heldSide(centre.y, height / (view.height * scale)),
  };
}

function heldSide(at, shown) {
  return shown >= 1 ? 0.5 : Math.min(1 - shown / 2, Math.max(shown / 2, at));
}

/** A box xyxy of scan px as {x, y, width, height} on the screen. */
export function boxOnScreen(matrix, [x1, y1, x2, y2]) {
  const [one, other] = [apply(matrix, { x: x1, y: y1 }), apply(matrix, { x: x2, y: y2 })];
  return {
    x: Math.min(one.x, other.x), y: Math.min(one.y, other.y),
    width: Math.abs(one.x - other.x), height: Math.abs(one.y - other.y),
  };
}

export const contains = ({ x, y, width, height }, point) =>
  point.x >= x && point.x < x + width && point.y >= y && point.y < y + height;
