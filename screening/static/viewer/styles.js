// Looks of the viewer. Colours meet WCAG AA on their grounds; pages may set the custom properties.

function sheet(text) {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
}

export const VIEWER = sheet(`
:host {
  --xray-ground: #2a2c2e; --xray-panel: #1c1e20; --xray-text: #e6e7e8; --xray-quiet: #b3b6b9;
  --xray-weapon: #ff5fd7; --xray-supply: #35dcff; --xray-own: #ffffff; --xray-focus: #ffe08a;
  display: block; position: relative; min-block-size: 160px; background: var(--xray-ground); color: var(--xray-text);
  font: 400 16px/1.4 system-ui, "Noto Sans", sans-serif; font-variant-numeric: tabular-nums; contain: strict;
}
:host([hidden]), [hidden] { display: none !important; }
.stage { position: absolute; inset: 0; overflow: hidden; touch-action: none; user-select: none; outline-offset: -3px; }
.stage:focus-visible { outline: 3px solid var(--xray-focus); }
.stage[data-drag="gamma"] { cursor: ew-resize; }
.stage[data-drag="pan"] { cursor: grab; }
.stage[data-drag="ruler"], .stage[data-drag="area"], .stage[data-drag="mark"] { cursor: crosshair; }
.stage:not([data-ready]) { cursor: default; }
canvas, .overlay { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; display: block; }
.overlay { pointer-events: none; direction: ltr; }
.overlay.hidden-aid .alarm:not(.own), .overlay.hidden-aid .label:not(.own) { visibility: hidden; }
.alarm { outline: none; }
.alarm .line, .alarm .halo { fill: none; }
.alarm .line { pointer-events: stroke; cursor: pointer; stroke-width: 2; stroke: var(--hue); }
.alarm .halo { stroke: #101112; stroke-width: 5; stroke-opacity: .75; }
.alarm .fill { fill: none; }
.weapon { --hue: var(--xray-weapon); } .supply { --hue: var(--xray-supply); }
.dense { --hue: #f2f3f4; } .own { --hue: var(--xray-own); }
.supply .line { stroke-dasharray: 14 5; }
.dense .line { stroke-dasharray: 3 5; }
.own .line { stroke-dasharray: 8 4 2 4; }
.dense .fill { fill: url(#hatch); }
.chosen .line { stroke-width: 4; }
.alarm:focus-visible .halo { stroke: var(--xray-focus); stroke-width: 9; stroke-opacity: 1; }
.wrong .line { stroke-opacity: .55; }
.label rect { fill: #141517; fill-opacity: .94; stroke: var(--hue); stroke-width: 1; }
.label line { stroke: var(--hue); stroke-width: 1; }
.label text, text.note { fill: var(--hue); font: 600 16px system-ui, "Noto Sans", sans-serif; text-anchor: middle; dominant-baseline: central; }
.label.chosen rect { stroke-width: 2.5; }
.label.wrong text { text-decoration: line-through; }
#hatch .dark { stroke: #101112; stroke-width: 8; stroke-opacity: .35; }
#hatch .light { stroke: #f2f3f4; stroke-width: 3; stroke-opacity: .55; }
.under { stroke: #101112; stroke-opacity: .8; fill: none; } .over { stroke: #ffffff; fill: none; }
.cross.under { stroke-width: 3; stroke-opacity: .35; } .cross.over { stroke-width: 1; stroke-opacity: .8; }
.cross.strong.over { stroke: var(--xray-focus); stroke-opacity: 1; } .cross.strong.under { stroke-opacity: .8; }
.ruler.under, .area.under, .mark.under { stroke-width: 5; } .ruler.over, .area.over, .mark.over { stroke-width: 2; }
.area.over { stroke-dasharray: 6 4; } .mark.over { stroke-dasharray: 8 4 2 4; }
.end { fill: #ffffff; stroke: #101112; stroke-width: 2; }
rect.note { fill: #141517; fill-opacity: .94; stroke: #ffffff; } text.note { fill: #ffffff; }
.map-frame { fill: none; stroke: #101112; stroke-width: 2; }
.map-seen { fill: none; } .map-seen.under { stroke-width: 4; } .map-seen.over { stroke-width: 2; }
.loupe { fill: none; stroke: #f2f3f4; stroke-width: 3; filter: drop-shadow(0 0 3px #101112); }
.names { position: absolute; inset: 0; pointer-events: none; }
.name { position: absolute; padding: 1px 10px; background: var(--xray-panel); border-radius: 0 0 6px 0; color: var(--xray-text); }
.status { position: absolute; inset-block-end: 0; inset-inline-start: 0; max-inline-size: 100%; box-sizing: border-box;
  padding: 4px 12px; background: var(--xray-panel); border-start-end-radius: 6px; pointer-events: none; }
.status:empty { display: none; }
.notice { position: absolute; inset-block-start: 0; inset-inline: 0; padding: 6px 16px; background: #4a3a10; color: #fff3d0; }
.message { position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 8px; padding: 24px; text-align: center; }
.message strong { font-size: 24px; font-weight: 600; } .message p { margin: 0; max-inline-size: 46ch; color: var(--xray-quiet); }
.message.error { background: #33181a; } .message.error strong { color: #ffd9d6; } .message.error p { color: #ffd9d6; font-size: 20px; }
.spoken { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (forced-colors: active) { .alarm .line { stroke: CanvasText; } }
`);

export const TOOLBAR = sheet(`
:host { display: block; color: #e6e7e8; background: #1c1e20; font: 400 16px/1.2 system-ui, "Noto Sans", sans-serif; }
.bar { display: flex; flex-wrap: wrap; gap: 4px; padding: 4px; align-items: stretch; }
:host([orientation="vertical"]) .bar { flex-direction: column; flex-wrap: nowrap; }
.group { display: flex; flex-wrap: wrap; gap: 4px; }
:host([orientation="vertical"]) .group { display: grid; grid-template-columns: 1fr 1fr; }
.bar:not(:has(.group + .group)) .group { display: contents; }
.group + .group { border-inline-start: 1px solid #55595d; padding-inline-start: 4px; }
:host([orientation="vertical"]) .group + .group { border-inline-start: 0; padding-inline-start: 0; border-block-start: 1px solid #55595d; padding-block-start: 4px; }
button { display: inline-flex; align-items: center; justify-content: center; gap: 6px; min-block-size: 44px; min-inline-size: 44px; padding: 0 9px;
  border: 2px solid transparent; border-radius: 6px; background: #2c2f32; color: inherit; font: inherit; cursor: pointer; touch-action: manipulation; }
button:hover { background: #3a3e42; }
button:focus-visible, input:focus-visible { outline: 3px solid #ffe08a; outline-offset: 1px; }
button[aria-pressed="true"] { background: #e6e7e8; color: #16181a; border-color: #ffffff; }
button[aria-disabled="true"] { background: #1c1e20; color: #9a9ea2; cursor: not-allowed; text-decoration: line-through; border-color: #3a3e42; }
button[data-empty] { text-decoration: none; border-color: transparent; }
kbd { font: 600 16px/1 system-ui, sans-serif; color: #b9d7ff; min-inline-size: 1ch; text-align: center; }
button[aria-pressed="true"] kbd { color: #0b3a75; } button[aria-disabled="true"] kbd { color: #9a9ea2; text-decoration: none; }
svg { inline-size: 22px; block-size: 22px; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; flex: none; }
:host([compact]) .word { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); }
:host([compact]) button { position: relative; justify-content: space-between; min-inline-size: 56px; }
@media (max-width: 1500px) { :host([compact]) button { min-inline-size: 50px; padding: 0 6px; gap: 4px; } }
label { display: inline-flex; align-items: center; gap: 8px; padding: 0 8px; min-block-size: 44px; }
input[type=range] { inline-size: 110px; accent-color: #b9d7ff; }
output { min-inline-size: 4ch; }
`);

export const BELT = sheet(`
:host { display: block; position: relative; background: #2a2c2e; min-block-size: 80px; contain: strict; }
canvas { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; display: block; }
.stands { position: absolute; inset-block-start: 8px; inset-inline-start: 8px; padding: 4px 12px; border-radius: 6px; background: #1c1e20; color: #ffe08a;
  font: 600 16px/1.4 system-ui, "Noto Sans", sans-serif; }
[hidden] { display: none; }
`);
