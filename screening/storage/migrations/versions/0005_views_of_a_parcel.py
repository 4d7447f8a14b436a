"""Views of a parcel in exercises

Revision: 0005, after 0004
"""

from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_VIEWS = ("top", "side")


def upgrade() -> None:
    # Columns with a default are added in place; anything else would write the tables anew.
    with op.batch_alter_table("tutor_picture", schema=None) as batch_op:
        batch_op.add_column(sa.Column("parcel", sa.String(length=200), nullable=False, server_default=""))
        batch_op.create_index(batch_op.f("ix_tutor_picture_parcel"), ["parcel"], unique=False)
    _name_parcels()
    with op.batch_alter_table("tutor_item", schema=None) as batch_op:
        batch_op.add_column(sa.Column("beside", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("click_view", sa.String(length=20), nullable=False, server_default=""))


def _name_parcels() -> None:
    """By the names of scans. A name that came twice, from two data sets, tells nothing: such pictures stand alone."""
    connection = op.get_bind()
    table = sa.table("tutor_picture", sa.column("id"), sa.column("scan_id"), sa.column("file"), sa.column("parcel"))
    rows = connection.execute(sa.select(table.c.id, table.c.scan_id, table.c.file)).all()
    times = Counter(scan_id for _, scan_id, _ in rows)
    twice = {scan_id.rpartition("_")[0] for scan_id, count in times.items() if count > 1}
    for number, scan_id, file in rows:
        stem, _, view = scan_id.rpartition("_")
        is_known = bool(stem) and view in _VIEWS and stem not in twice
        connection.execute(table.update().where(table.c.id == number).values(parcel=stem if is_known else file))


def downgrade() -> None:
    op.drop_column("tutor_item", "click_view")
    op.drop_column("tutor_item", "beside")
    with op.batch_alter_table("tutor_picture", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tutor_picture_parcel"))
    op.drop_column("tutor_picture", "parcel")
