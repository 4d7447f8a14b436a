// From the desk to what renderers and overlay draw: passes of pictures, minimaps, the loupe, crosses.

import { apply, boxOnScreen, inverse, scaled } from "./geometry.js";

const GROUND = [0.165, 0.172, 0.18];
const MAP_GROUND = [0.11, 0.118, 0.125];
const MAP_SIDE_PX = 190;
const MAP_MARGIN_PX = 12;
const LOUPE_ZOOM = 3;
const LOUPE_RADIUS_PX = 110;
/** From this many device px a scan pixel on, pixels are shown as the squares they are. */
const SQUARES = 14;
const CUBIC_FROM = 1.15;

/** What to draw; `ratio` is device px a CSS px, `moving` asks for the cheaper interpolation. */
export function compose(desk, ratio, moving) {
  const panes = desk.panes().map((pane, at) => {
    const { width, height } = desk.views[at];
    return { ...pane, picture: boxOnScreen(pane.matrix, [0, 0, width, height]) };
  });
  desk.minimaps = panes.map((pane, at) => (desk.state.minimap && desk.state.zoom > 1.01 ? minimap(desk, pane, at) : null));
  const passes = panes.flatMap((pane, at) => {
    const list = [picturePass(pane, at, ratio, moving)];
    const map = desk.minimaps[at];
    if (map) list.push({ view: at, toScan: deviceToScan(inverse(map.toScan), ratio), clip: device(map.frame, ratio), filter: "linear", ground: MAP_GROUND });
    const loupe = desk.state.loupe && desk.hover?.view === at ? loupeAt(pane, desk.hover.point) : null;
    if (loupe) list.push(loupePass(pane, at, loupe, ratio));
    return list;
  });
  const shown = panes.map((pane, at) => ({
    ...pane, minimap: desk.minimaps[at],
    loupe: desk.state.loupe && desk.hover?.view === at ? loupeAt(pane, desk.hover.point) : null,
  }));
  const finest = !moving || panes.every((pane) => pane.scale * ratio <= CUBIC_FROM || pane.scale * ratio >= SQUARES);
  return { passes, ground: GROUND, scene: sceneOf(desk, shown), finest };
}

function sceneOf(desk, panes) {
  return {
    panes, views: desk.views, strings: desk.strings, chosen: desk.chosen, alarms: desk.everything(),
    showAid: desk.state.aid, crosses: crosses(desk), measures: desk.measure ? [desk.measure] : [],
  };
}

/** The matrix from device px to scan px. */
const deviceToScan = (toStage, ratio) => inverse(scaled(toStage, ratio));

function device({ x, y, width, height }, ratio) {
  const [left, top] = [Math.round(x * ratio), Math.round(y * ratio)];
  return [left, top, Math.round((x + width) * ratio) - left, Math.round((y + height) * ratio) - top];
}

function picturePass(pane, view, ratio, moving) {
  const scale = pane.scale * ratio;
  const finest = scale > CUBIC_FROM ? "cubic" : "linear";
  const filter = scale >= SQUARES ? "nearest" : moving ? "linear" : finest;
  return { view, toScan: deviceToScan(pane.matrix, ratio), clip: device(shared(pane, pane.picture), ratio), filter };
}

/** The part that two rectangles share; at least one pixel, for renderers clip by it. */
function shared(one, other) {
  const [x, y] = [Math.max(one.x, other.x), Math.max(one.y, other.y)];
  const [right, bottom] = [Math.min(one.x + one.width, other.x + other.width), Math.min(one.y + one.height, other.y + other.height)];
  return { x, y, width: Math.max(1, right - x), height: Math.max(1, bottom - y) };
}

function minimap(desk, pane, at) {
  const { width, height } = desk.views[at];
  const turned = desk.state.turn % 2 === 1;
  const [wide, high] = turned ? [height, width] : [width, height];
  const scale = Math.min(MAP_SIDE_PX / wide, MAP_SIDE_PX / high, (pane.width * 0.35) / wide);
  const frame = {
    x: pane.x + pane.width - wide * scale - MAP_MARGIN_PX, y: pane.y + pane.height - high * scale - MAP_MARGIN_PX,
    width: wide * scale, height: high * scale,
  };
  const linear = pane.matrix.slice(0, 4).map((value) => (value * scale) / pane.scale);
  const middle = apply([...linear, 0, 0], { x: width / 2, y: height / 2 });
  const matrix = [...linear, frame.x + frame.width / 2 - middle.x, frame.y + frame.height / 2 - middle.y];
  return { frame, toScan: inverse(matrix), seen: seenPart(pane, matrix, frame) };
}

function seenPart(pane, map, frame) {
  const toScan = inverse(pane.matrix);
  const corners = [{ x: pane.x, y: pane.y }, { x: pane.x + pane.width, y: pane.y + pane.height }];
  const [one, other] = corners.map((corner) => apply(map, apply(toScan, corner)));
  const x = Math.max(frame.x, Math.min(one.x, other.x));
  const y = Math.max(frame.y, Math.min(one.y, other.y));
  return {
    x, y, width: Math.min(frame.x + frame.width, Math.max(one.x, other.x)) - x,
    height: Math.min(frame.y + frame.height, Math.max(one.y, other.y)) - y,
  };
}

function loupeAt(pane, point) {
  const at = apply(pane.matrix, point);
  return { ...at, radius: LOUPE_RADIUS_PX };
}

function loupePass(pane, view, { x, y, radius }, ratio) {
  const [a, b, c, d, e, f] = pane.matrix;
  const grown = [a, b, c, d].map((value) => value * LOUPE_ZOOM);
  const matrix = [...grown, x + (e - x) * LOUPE_ZOOM, y + (f - y) * LOUPE_ZOOM];
  const filter = pane.scale * LOUPE_ZOOM * ratio >= SQUARES ? "nearest" : "cubic";
  const circle = [x, y, radius].map((value) => value * ratio);
  const around = { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius };
  return { view, toScan: deviceToScan(matrix, ratio), clip: device(shared(pane, around), ratio), filter, circle };
}

/** The pointer's row in the other views, and the keyboard's cross. */
function crosses(desk) {
  const { hover, cursor, views } = desk;
  const found = cursor ? [{ view: cursor.view, point: cursor.point, strong: true }] : [];
  if (!hover || views.length < 2) return found;
  const own = views[hover.view];
  views.forEach((view, at) => {
    if (at === hover.view) return;
    const share = own.pitchMm && view.pitchMm ? own.pitchMm / view.pitchMm : view.height / own.height;
    const row = hover.point.y * share;
    if (row <= view.height) found.push({ view: at, point: { x: 0, y: row }, rowOnly: true });
  });
  return found;
}
