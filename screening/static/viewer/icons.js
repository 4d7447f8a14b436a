// Small pictures for buttons, as SVG paths on a 24 × 24 grid.

import { svg } from "./overlay.js";

const PATHS = {
  gamma: ["M4 18C10 18 14 14 20 5", "M4 20H20", "M4 20V4"],
  pan: ["M12 3V21M3 12H21", "M9 6L12 3L15 6M9 18L12 21L15 18M6 9L3 12L6 15M18 9L21 12L18 15"],
  ruler: ["M3 15L15 3L21 9L9 21Z", "M7 11L9 13M10 8L13 11M13 5L15 7"],
  area: ["M4 4H20V20H4Z", "M4 12L12 4M4 20L20 4M12 20L20 12"],
  mark: ["M4 8V4H8M16 4H20V8M20 16V20H16M8 20H4V16", "M12 9V15M9 12H15"],
  loupe: ["M10 4A6 6 0 1 0 10 16A6 6 0 1 0 10 4", "M14.5 14.5L20 20"],
  inspect: ["M12 4V9M12 15V20M4 12H9M15 12H20", "M12 12H12.01"],
  zoomIn: ["M10 4A6 6 0 1 0 10 16A6 6 0 1 0 10 4", "M14.5 14.5L20 20M7 10H13M10 7V13"],
  zoomOut: ["M10 4A6 6 0 1 0 10 16A6 6 0 1 0 10 4", "M14.5 14.5L20 20M7 10H13"],
  zoomAlarm: ["M4 8V4H8M16 4H20V8M20 16V20H16M8 20H4V16", "M12 8V13M12 16H12.01"],
  turn: ["M19 12A7 7 0 1 1 16 6.2", "M16 2V7H11"],
  flip: ["M12 3V21", "M9 7L3 17H9ZM15 7L21 17H15Z"],
  minimap: ["M3 4H21V20H3Z", "M12 12H19V18H12Z"],
  aid: ["M4 6H14V14H4Z", "M10 10H20V18H10Z"],
  hide: ["M3 12C7 6 17 6 21 12C17 18 7 18 3 12Z", "M12 10A2 2 0 1 0 12 14A2 2 0 1 0 12 10"],
  right: ["M4 12L10 18L20 6"],
  wrong: ["M5 5L19 19M19 5L5 19"],
  undo: ["M8 5L4 9L8 13", "M4 9H14A6 5 0 0 1 14 19H9"],
  reset: ["M4 11L12 4L20 11", "M6 10V20H18V10"],
};

/** An icon, or null where the tool is told by its word alone. */
export function icon(id) {
  if (!PATHS[id]) return null;
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, PATHS[id].map((d) => svg("path", { d })));
}
