"""Projected threats

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tip_policy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("rate", sa.Double(), nullable=False),
        sa.Column("mix", sa.JSON(), nullable=False),
        sa.Column("answer_s", sa.Double(), nullable=False),
        sa.Column("stopped_s", sa.Double(), nullable=False),
        sa.Column("is_stopped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_tip_policy_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_policy")),
    )
    op.create_table(
        "tip_projection",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parcel_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("design", sa.String(length=100), nullable=False),
        sa.Column("seed", sa.String(length=20), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("views", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("said", sa.String(length=20), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["parcel_id"], ["parcel.id"], name=op.f("fk_tip_projection_parcel_id_parcel")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_tip_projection_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_projection")),
        sa.UniqueConstraint("parcel_id", name=op.f("uq_tip_projection_parcel_id")),
        sa.UniqueConstraint("request_id", name=op.f("uq_tip_projection_request_id")),
    )
    with op.batch_alter_table("tip_projection", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tip_projection_answered_at"), ["answered_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_tip_projection_outcome"), ["outcome"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("tip_projection", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tip_projection_outcome"))
        batch_op.drop_index(batch_op.f("ix_tip_projection_answered_at"))

    op.drop_table("tip_projection")
    op.drop_table("tip_policy")
