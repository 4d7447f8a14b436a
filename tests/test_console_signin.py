"""In and out: first setup, invitations, login and its lock, sessions that end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from parcelsight.inference.service.server import Service
from parcelsight.screening.people.invitations import invite_first
from parcelsight.screening.storage.pictures import PictureStore
from parcelsight.screening.storage.tables import PersonRow, SessionRow
from parcelsight.screening.storage.times import now
from parcelsight.screening.web.app import create_app
from parcelsight.screening.web.console import Console, Settings
from tests.console_parts import PASSWORD, Browser, Site, database_in, running_console


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with running_console(tmp_path) as site:
        yield site


def open_form(browser: Browser, path: str) -> None:
    """Load a page and take the token of its form, as a browser would."""
    answer = browser.page(path)
    assert answer.status_code == 200, answer.text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.text)
    assert found is not None
    browser.csrf = found[1]


def invited(site: Site, login: str) -> Browser:
    """Somebody who has set a password by an administrator's link."""
    admin = site.sign_in("admin")
    shown = admin.form(f"/people/{login}/invite")
    link = re.search(r"/invitation/[\w-]+", shown.text)
    assert link is not None
    visitor = site.visitor()
    open_form(visitor, link[0])
    assert visitor.form(link[0], password=PASSWORD, password_again=PASSWORD).status_code == 303
    assert visitor.page(link[0]).status_code == 400  # once
    return visitor


def sign_in(visitor: Browser, login: str, password: str = PASSWORD, **more: str) -> int:
    open_form(visitor, "/login")
    return visitor.form("/login", login=login, password=password, **more).status_code


def test_the_first_administrator_makes_an_account_once(tmp_path: Path) -> None:
    console = Console(database_in(tmp_path), PictureStore(tmp_path / "scans"), Settings())
    with console.write() as session:
        token = invite_first(session)
    with Service(create_app(console), "127.0.0.1", 0) as service:
        visitor = Browser(service.url)
        path = f"/setup/{token}"
        open_form(visitor, path)
        typed = {"login": "chief", "name": "The chief", "language": "fr"}
        refused = visitor.form(path, **typed, password="short", password_again="short")
        assert refused.status_code == 400 and "12" in refused.text and "The chief" in refused.text
        assert visitor.form(path, **typed, password=PASSWORD, password_again=PASSWORD[:-1]).status_code == 400
        done = visitor.form(path, **typed, password=PASSWORD, password_again=PASSWORD)
        assert done.status_code == 303
        assert visitor.get("/api/me").json()["role"] == "admin"
        assert Browser(service.url).page(path).status_code == 400
        cookie = done.headers["set-cookie"].lower()
        assert "httponly" in cookie and "samesite=strict" in cookie and "secure" not in cookie
    console.database.close()


def test_behind_tls_cookies_are_for_tls_alone(tmp_path: Path) -> None:
    settings = Settings(public_url="https://console.customs.example")
    with running_console(tmp_path, settings=settings) as site:
        answer = site.visitor().page("/login")
    assert "secure" in answer.headers["set-cookie"].lower() and "strict-transport-security" in answer.headers


def test_an_invited_person_signs_in_and_out(site: Site) -> None:
    visitor = invited(site, "operator")
    assert sign_in(visitor, "operator", next="/openings") == 303
    me = visitor.get("/api/me").json()
    assert me["login"] == "operator"
    visitor.csrf = me["csrf_token"]
    assert visitor.form("/logout").headers["location"] == "/login?notice=signed+out"
    assert visitor.get("/api/me").status_code == 401


@pytest.mark.parametrize(
    "where", ["https://attacker.example", "//attacker.example", "/\\attacker.example", "javascript:x"]
)
def test_the_login_leads_nowhere_else(site: Site, where: str) -> None:
    visitor = invited(site, "operator")
    open_form(visitor, "/login")
    answer = visitor.form("/login", login="operator", password=PASSWORD, next=where)
    assert answer.headers["location"] == "/"


def test_wrong_passwords_lock_the_account_and_an_administrator_opens_it(site: Site) -> None:
    visitor = invited(site, "operator")
    for _ in range(5):
        assert sign_in(visitor, "operator", "a wrong password") == 403
    assert sign_in(visitor, "operator") == 403  # the right one, too
    assert site.sign_in("admin").form("/people/operator/enable").status_code == 303
    assert sign_in(visitor, "operator") == 303


def test_a_login_page_of_before_does_not_sign_in_for_another_site(site: Site) -> None:
    invited(site, "operator")
    stranger = site.visitor()
    stranger.csrf = "0" * 64
    assert stranger.form("/login", login="operator", password=PASSWORD).status_code == 403


def test_a_session_ends_without_work_with_the_account_and_with_a_new_password(site: Site) -> None:
    browser = invited(site, "operator")
    assert sign_in(browser, "operator") == 303
    browser.csrf = browser.get("/api/me").json()["csrf_token"]
    other = site.sign_in("operator")
    wrong = browser.form("/me/password", old="not this one", password=PASSWORD * 2, password_again=PASSWORD * 2)
    assert wrong.status_code == 400
    done = browser.form("/me/password", old=PASSWORD, password=PASSWORD * 2, password_again=PASSWORD * 2)
    assert done.status_code == 303 and browser.get("/api/me").status_code == 200
    assert other.get("/api/me").status_code == 401

    with site.console.database.write() as session:
        session.execute(update(SessionRow).values(last_seen_at=now() - timedelta(minutes=31)))
    assert browser.get("/api/me").status_code == 401

    third = site.sign_in("operator")
    assert site.sign_in("admin").form("/people/operator/disable").status_code == 303
    assert third.get("/api/me").status_code == 401


def test_what_a_page_asks_by_itself_keeps_no_session_alive(site: Site) -> None:
    browser = site.sign_in("operator")
    early = now() - timedelta(minutes=20)
    with site.console.database.write() as session:
        session.execute(update(SessionRow).values(last_seen_at=early))
    browser.post("/api/desk/renew", {"parcel_id": 1})
    browser.get("/api/lanes")
    with site.console.read() as session:
        seen = {row.last_seen_at for row in session.query(SessionRow)}
    assert seen == {early}
    browser.post("/api/desk/next")
    with site.console.read() as session:
        assert {row.last_seen_at for row in session.query(SessionRow)} != {early}


def test_a_changed_role_counts_at_once(site: Site) -> None:
    browser, admin = site.sign_in("operator"), site.sign_in("admin")
    assert admin.form("/people/operator/role", role="trainer").status_code == 303
    assert browser.get("/api/me").status_code == 401
    refused = admin.form("/people/admin/role", role="operator")
    assert refused.status_code == 400 and "last administrator" in refused.text
    assert admin.form("/people/operator/role", role="emperor").status_code == 400


def test_new_people_get_a_link(site: Site) -> None:
    admin = site.sign_in("admin")
    shown = admin.form("/people", login="new.one", name="Ünal <b>", role="operator", language="ar")
    assert shown.status_code == 200 and "/invitation/" in shown.text and "<b>" not in shown.text
    again = admin.form("/people", login="new.one", name="Other", role="operator")
    assert again.status_code == 400 and "taken" in again.text
    with site.console.read() as session:
        assert session.query(PersonRow).filter_by(login="new.one").one().language == "ar"
