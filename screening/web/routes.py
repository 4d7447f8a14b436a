"""All routes of the console, put together.

Pages (HTML; a template gets ``shell`` (contexts.Shell) and ``page`` (its class in contexts.py))::

    GET  /setup/{token}          setup.html      POST: login, name, password, password_again, language → /
    GET  /login                  login.html      POST: login, password, next → next
    GET  /invitation/{token}     invitation.html POST: password, password_again → /login
    GET  /demo/{token}           signs the demo's operator in (``?as=supervisor`` or ``admin``), only with --demo
    POST /language               language, next: of somebody not signed in, kept in a cookie
    POST /logout                 → /login
    GET  /                       → /desk, /supervisor, /people or /help by role
    GET  /desk                   desk.html
    GET  /openings               openings.html
    GET  /parcels                parcels.html    ?q=barcode or number &state= &verdict= &lane= &before=ID
    GET  /parcels/{id}           parcel.html
    GET  /supervisor             supervisor.html ?hours=24 &lane= &person=LOGIN; also /supervisor/classes
    GET  /supervisor/sites       fleet.html      every lane of all sites
    GET  /supervisor/{table}.csv decisions, hours, classes, openings, seizures; same parameters
    GET  /supervisor/tip         supervisor_tip.html POST: rate, answer_s, stopped_s, weight-CLASS
    GET  /tutor/manual           tutor/manual.html; /tutor/manual/{class}, /tutor/manual.pdf
    GET  /people                 people.html     POST: login, name, role, language → page with the invitation link
    POST /people/{login}/invite  → page with the link; /role (role), /disable, /enable → /people
    GET  /audit                  audit.html      ?before=NUMBER &person= &action=
    GET  /me                     me.html         POST: language, name → /me; /me/password: old, password, password_again
    GET  /help                   help.html
    any error                    error.html

Every form carries ``csrf_token``; every other request that is not GET the header ``X-CSRF-Token``. Both take
``shell.csrf_token`` (before signing in it comes from a cookie, and is checked just the same). A form that was refused
is shown again with ``page.error`` (a contexts.Complaint) and what was typed, except passwords; status 400, or 403 for
a refused login.

JSON (session cookie; errors are ``{"error": …, "remedy": …}``; 409 where the parcel is no longer the person's)::

    GET    /api/me                            {login, name, role, language, csrf_token, permissions}
    GET    /api/desk/queue?lane=              {waiting: [brief…≤50], counts: {waiting, second_look, held, opening},
                                              mine: [{decision_id, parcel_id, item_id, kind, decided_at,
                                              undo_until, undone}…≤12]}
    POST   /api/desk/next {lane?}             {parcel: Parcel|null, waiting}
    POST   /api/desk/take/{id}                {parcel}: that parcel, where it waits or is held, and is free
    POST   /api/desk/renew {parcel_id}        {held, lease_until}
    POST   /api/desk/put-back {parcel_id}     {}
    POST   /api/desk/decisions {request_id, parcel_id, kind, reason?, note?, took_ms, aid_shown, next?: true, lane?}
                                              {decision, next: Parcel|null, waiting, undo_until}; same request_id: same.
                                              Where the picture carried a projected threat: {projected, decision: null,
                                              next: the same parcel, waiting}; renew may tell it, too, when time is over
    POST   /api/desk/decisions/{id}/undo      {parcel}
    POST   /api/desk/marks {request_id, scan_id, detection_id, right} or {request_id, scan_id, label, xyxy_px}  {mark}
    DELETE /api/desk/marks/{id}               {}
    POST   /api/openings {request_id, parcel_id, found: [{what, amount, type, condition}], note}   {opening}
    GET    /api/parcels/{id}                  Parcel
    POST   /api/parcels/{id}/item-id {scanned}   {item_id, is_s10}
    GET    /api/scans/{id}/pixels             viewer container
    GET    /api/lanes                         {lanes: [{name, title, state, cause, detail, since, heard_at, words}]}
    GET    /api/belt?lane=                    server-sent events as docs/service.md tells them, each with its view
    GET    /api/me/preferences, PUT           any JSON object up to 16 kB
    GET    /api/figures?hours=&lane=&person=  {work, truth}; /api/figures/classes  {classes}
    POST   /api/tip/stop                      {stopped, abandoned}; also /start
    GET    /api/events                        server-sent events, below
    GET    /api/openapi.json                  this, as OpenAPI describes it
    GET    /healthz                           {"live": true}

Parcel::

    {id, state, lane, lane_title, item_id, declared: {…}, arrived_at, verdict, lease_until, training: false,
     scans: [{id, view, kind, width_px, height_px, pitch_mm, verdict, reason,
              detections: [{id, class, group, score, xyxy_px, words, words_key}], dense: [[x1,y1,x2,y2]…],
              marks: [{id, kind, detection_id, label, xyxy_px, person, is_mine}],
              model, operating_point, pixels_url: null where there is no picture, no_picture: why, tools: [tool…]}],
     decisions: [{id, person, kind, reason, note, decided_at, undone}],
     openings: [{id, person, found, note, at}],
     choices: [{kind, key, reasons, reason_needed, two_persons}],
     reliability: {class: {text, right_of_ten: 0..10|null, basis: "model"|"site"|"none"}},
     aid: {mode: "at once"|"after a look"|"on demand", after_s}, look_s}

``brief`` is {id, state, lane, item_id, verdict, arrived_at, leased}.

Events carry an id (replayed by Last-Event-ID) where the database keeps them::

    event: parcel   {brief…, why}; why is arrived, taken, put back, decided, undone, opened, identified, completed, or,
                    without id, expired: its console went silent, and it waits again
    event: lane     {as /api/lanes}        (once all of them without id, at the beginning)
    event: queue    {waiting, second_look, held, opening}             (no id; after anything changed)
    event: early    {lane, scan, verdict, reason, detections}         (no id; a parcel still under the beam)
    event: belt     {lane, stop}                                      (no id)
    event: projected {parcel_id, outcome, late, class, places}        (no id; a projection was taken away: fetch anew)
    event: ended    {}                                                (no id; the session is over: go to /login)
"""

from __future__ import annotations

from fastapi import APIRouter

from .console import Console


def all_routers(console: Console) -> list[APIRouter]:
    """Every router of the console."""
    from . import (
        audit_page,
        belt_api,
        desk_api,
        events_api,
        figures_pages,
        fleet_page,
        manual_pages,
        me,
        pages,
        parcels_api,
        people_pages,
        signin,
        tip_pages,
    )
    from .tutor.routers import tutor_routers

    makers = (
        signin.signin_router,
        pages.pages_router,
        figures_pages.figures_router,
        fleet_page.fleet_router,
        people_pages.people_router,
        audit_page.audit_router,
        me.me_router,
        desk_api.desk_router,
        parcels_api.parcels_router,
        events_api.events_router,
        belt_api.belt_router,
        tip_pages.tip_router,
        manual_pages.manual_router,
    )
    return [*(make(console) for make in makers), *tutor_routers(console)]
