"""The looks of a report: plain, printable, readable from a phone to a wall."""

STYLE = """
:root { color-scheme: light; --ink: #111827; --soft: #6b7280; --line: #e5e7eb; --blue: #1e3a8a; }
body { margin: 0; background: #f3f4f6; color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Arial, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 16px 64px; }
header { background: var(--blue); color: #fff; padding: 24px 28px; border-radius: 8px; }
header p { margin: 4px 0 0; } h1 { margin: 0; font-size: 28px; } .kicker { opacity: .8; letter-spacing: .04em; }
section { background: #fff; border: 1px solid var(--line); border-radius: 8px; padding: 20px 28px; margin-top: 18px; }
h2 { margin: 0 0 6px; font-size: 20px; } h3 { margin: 18px 0 6px; font-size: 16px; }
.note, .notes { color: var(--soft); margin: 0 0 12px; } .notes { padding-left: 18px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin-bottom: 12px; }
.tile { border: 1px solid var(--line); border-radius: 6px; padding: 10px 14px; }
.tile span { display: block; color: var(--soft); font-size: 13px; min-height: 2.6em; } .tile b { font-size: 24px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 14px; }
th { text-align: left; font-weight: 600; color: var(--soft); vertical-align: bottom; }
th, td { padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); } td { font-variant-numeric: tabular-nums; }
td:not(:first-child) { white-space: nowrap; } small { color: var(--soft); } td b { font-weight: 600; }
em { font-size: 12px; font-style: normal; background: #fef3c7; color: #92400e; border-radius: 3px; padding: 0 5px; }
.confusion { font-size: 13px; } .confusion td { text-align: right; padding: 2px; }
.confusion td:first-child { text-align: left; }
.confusion th { font-size: 12px; padding: 0 4px; text-align: right; } .confusion th:first-child { text-align: left; }
.confusion span { display: block; min-width: 34px; padding: 2px 6px; border-radius: 3px;
  background: rgb(30 58 138 / calc(var(--share) * .6)); min-height: 1.4em; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(440px, 1fr)); gap: 18px; }
.identity td { white-space: normal; overflow-wrap: anywhere; } .identity thead { display: none; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 14px; }
figure { margin: 0; } figure img { width: 100%; height: 210px; object-fit: contain; background: #f9fafb; }
.noimage { height: 210px; background: #f9fafb; color: var(--soft); text-align: center; line-height: 210px; }
figcaption { font-size: 13px; } code { font-size: 12px; color: var(--soft); overflow-wrap: anywhere; }
svg { max-width: 100%; height: auto; }
@media print { body { background: #fff; } section { border: 0; break-inside: avoid-page; } }
"""
