"""The words of the X-ray manual, in English, for translators: what the eye goes by, and what deceives it.

Nothing here tells how a thing is made, fits or works; see docs/content-safety.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


def _n(message: str) -> str:
    """Mark for extraction; what is shown is looked up later, in the reader's language."""
    return message


@dataclass(frozen=True, slots=True)
class Words:
    """Of one class."""

    look_for: tuple[str, ...]
    mistaken: str
    """What it is mistaken for, and what tells them apart."""


ENTRIES: Mapping[str, Words] = {
    "pistol": Words(
        (
            _n("The L of grip and slide, with the oval of the trigger guard in its corner."),
            _n("A dense bar above, a lighter grip below, and in the grip a magazine with its spring."),
            _n("Seen from above only a thick bar remains: turn the parcel, or look at the other view."),
        ),
        _n("Toys and glue guns have the outline but no dense bar; drills carry a round motor behind the grip."),
    ),
    "revolver": Words(
        (
            _n("The round bulge of the cylinder between barrel and grip, wider than everything around it."),
            _n("Chambers in the cylinder: lighter stripes from the side, a ring of holes from the end."),
            _n("A curved grip of wood or plastic that nearly vanishes beside the dark frame."),
        ),
        _n("Toy guns show one even grey; sealant guns have a long rod, and no ring of chambers."),
    ),
    "long_gun": Words(
        (
            _n("A long straight tube that ends in a dense middle part and a lighter stock."),
            _n("Look along the diagonal of the parcel and along its edges: that is where length fits."),
            _n("It is often taken apart: search the same parcel for the stock and the barrel beside it."),
        ),
        _n("Umbrellas have ribs beside the rod; rails and dampers are alike from end to end, without a dense middle."),
    ),
    "barrel": Words(
        (
            _n("A straight tube of one thickness: two dark edges with a lighter line between them, all the way."),
            _n("Walls are thick against the bore; common pipes are wide and thin."),
            _n("Steps, a lug or a thicker end break the even outline of a plain rod."),
        ),
        _n("Pipes and torches have thin walls, caps or threads at the ends, or something inside."),
    ),
    "frame_receiver": Words(
        (
            _n("The grip and the trigger guard without a dense bar on top; of plastic it is pale and easily missed."),
            _n("Small dark pins, springs and rails inside a light outline."),
            _n("An open, empty grip, or one with a magazine in it."),
        ),
        _n("Staplers, locks and brake levers have hinges and one spring, but no guard around a trigger."),
    ),
    "slide": Words(
        (
            _n("A dense block, long and narrow, with one window in its side."),
            _n("A channel along the inside: from above two dark walls with a lighter middle."),
            _n("Fine notches at one end, and small raised sights at both."),
        ),
        _n("Drawer rails are longer and of thin sheet; solid blocks of metal have neither window nor channel."),
    ),
    "cylinder": Words(
        (
            _n("A short, dense drum; from the end a ring of five to eight round holes around a middle one."),
            _n("From the side lighter stripes, and flutes that make its edge wavy."),
            _n("With cartridges in it the holes are filled, each with a darker point."),
        ),
        _n("Bearings have one large hole and many small balls; sprockets are flat, with teeth outside."),
    ),
    "bolt": Words(
        (
            _n("A dense, round bar with steps, often with a handle or a block at its side."),
            _n("A flat face with a small rim at one end; a thin bore along the middle."),
            _n("It lies well among tools: compare the diameter along its whole length."),
        ),
        _n("Screwdrivers and dampers have a plastic grip or an even rod; spark plugs are small with a pale insulator."),
    ),
    "silencer": Words(
        (
            _n("A wide tube with many even cross walls inside, like a ladder or a row of cups."),
            _n("A clear straight path through the middle of all of them."),
            _n("Closed ends, thicker than the wall of the tube."),
        ),
        _n("Torches hold batteries and a lamp; dampers a single rod; flasks are empty with a double wall."),
    ),
    "magazine": Words(
        (
            _n("A flat box, straight or curved, with a zigzag spring that fills it."),
            _n("With cartridges in it a stack of slanted dark points with light cases."),
            _n("Of plastic only the spring and the cartridges show: look for their regular rows."),
        ),
        _n("Power banks and chargers are filled with cells and boards; staplers show one straight spring."),
    ),
    "cartridge": Words(
        (
            _n("A small cylinder in two parts: a dense point and a lighter case with a dark rim."),
            _n("Seen from the end it is a round dot, darker in the middle."),
            _n("They come in numbers: where there is one, search the corners and seams for more."),
        ),
        _n("Lipsticks and batteries are alike in size, but are dense all over or have no point."),
    ),
    "cartridge_pack": Words(
        (
            _n("Rows and columns of equal dots or small cylinders, closely spaced."),
            _n("A box full of them is opaque: only its edges let the pattern show. Use high penetration."),
            _n("It is heavy for its size: compare the declared weight."),
        ),
        _n("Cells and lipsticks stand in rows, too, but without a dense point in each; screws lie in no order."),
    ),
}  # fmt: skip
"""Class → its words."""

CAPTIONS: Mapping[str, str] = {
    "flat": _n("lying flat"),
    "along 35": _n("rolled by a third"),
    "along 65": _n("rolled by two thirds"),
    "along 90": _n("on its edge"),
    "across 40": _n("tipped up a little"),
    "across 65": _n("tipped up steeply"),
    "across 85": _n("nearly on end"),
    "back": _n("from the other side"),
    "low": _n("low penetration: thin things"),
    "normal": _n("normal"),
    "high": _n("high penetration: through the plate"),
    "colour": _n("colour"),
    "black and white": _n("black and white"),
    "negative": _n("negative"),
    "concealed_in_appliance": _n("inside a device"),
    "in_book": _n("in a hollow book"),
    "behind_plate": _n("under a metal plate"),
    "cloth_wrap": _n("rolled in cloth"),
    "whole": _n("the whole firearm"),
    "taken apart": _n("taken apart"),
    "beside a barrel": _n("beside a barrel"),
    "loose": _n("loose"),
    "in a magazine": _n("in a magazine"),
    "packed": _n("packed"),
    "toy_gun": _n("toy gun"),
    "drill": _n("drill"),
    "glue_gun": _n("glue gun"),
    "hair_dryer": _n("hair dryer"),
    "caulking_gun": _n("sealant gun"),
    "hand_blender": _n("hand blender"),
    "lighter": _n("lighter"),
    "umbrella": _n("umbrella"),
    "drawer_rail": _n("drawer rail"),
    "shock_absorber": _n("damper"),
    "pipe": _n("pipe"),
    "flashlight": _n("torch"),
    "pens": _n("pens"),
    "hose_nozzle": _n("hose nozzle"),
    "stapler": _n("stapler"),
    "door_lock": _n("door lock"),
    "cast_housing": _n("cast housing"),
    "bicycle_brake": _n("bicycle brake"),
    "metal_block": _n("metal block"),
    "bearings": _n("bearings"),
    "sprocket": _n("sprocket"),
    "castors": _n("castors"),
    "pipe_fittings": _n("pipe fittings"),
    "spark_plugs": _n("spark plugs"),
    "screwdriver": _n("screwdriver"),
    "door_handle": _n("door handle"),
    "vacuum_flask": _n("vacuum flask"),
    "power_bank": _n("power bank"),
    "charger": _n("charger"),
    "remote_control": _n("remote control"),
    "lipstick": _n("lipstick"),
    "round_cells": _n("round batteries"),
    "screw_bag": _n("bag of screws"),
    "button_cells": _n("button cells"),
}  # fmt: skip
"""What a picture shows → its caption."""

TITLE = _n("X-ray manual: firearms, parts and ammunition in parcels")
SECTIONS: Mapping[str, str] = {
    "turned": _n("Turned"),
    "penetration": _n("Three levels of penetration, under a steel plate"),
    "palette": _n("Palettes"),
    "hidden": _n("Hidden"),
    "parts": _n("Whole and in parts"),
    "alike": _n("Taken for it, but harmless"),
}  # fmt: skip
LOOK_FOR, MISTAKEN, CONTENTS = _n("What to look for"), _n("What it is mistaken for"), _n("Contents")
HOW = (
    _n("How to use this manual"),
    _n("Each class has two facing pages. The left one shows it turned, as it comes to lie in parcels; the right one "
       "through metal, in other palettes, hidden, in parts, and beside what it is mistaken for."),
    _n("Colours tell materials: orange is organic, green is mixed or light metal, blue is metal, black lets nothing "
       "through. Metal of a firearm is blue to black; plastic frames are orange to green."),
    _n("Ask three questions of every dense thing: What is its outline? What is inside it? What would it be from the "
       "other side? Where one has no answer, use another tool, the other view, or open the parcel."),
    _n("All pictures are rendered by a virtual scanner from shapes of random proportions, for recognition alone."),
)  # fmt: skip
PRINTED = _n("Printed from ParcelSight %(version)s")
