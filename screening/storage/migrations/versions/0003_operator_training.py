"""Operator training

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tutor_picture",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(length=64), nullable=False),
        sa.Column("scan_id", sa.String(length=200), nullable=False),
        sa.Column("origin", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("width_px", sa.Integer(), nullable=False),
        sa.Column("height_px", sa.Integer(), nullable=False),
        sa.Column("pitch_mm", sa.Double(), nullable=True),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("design", sa.String(length=100), nullable=False),
        sa.Column("truths", sa.JSON(), nullable=False),
        sa.Column("detections", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("view", sa.Double(), nullable=False),
        sa.Column("superposition", sa.Double(), nullable=False),
        sa.Column("clutter", sa.Double(), nullable=False),
        sa.Column("difficulty", sa.Double(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tutor_picture")),
        sa.UniqueConstraint("file", name=op.f("uq_tutor_picture_file")),
    )
    with op.batch_alter_table("tutor_picture", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tutor_picture_label_retired_at"), ["label", "retired_at"], unique=False)

    op.create_table(
        "tutor_course",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("trainer_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["trainer_id"], ["person.id"], name=op.f("fk_tutor_course_trainer_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tutor_course")),
    )
    op.create_table(
        "tutor_course_version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"], ["tutor_course.id"], name=op.f("fk_tutor_course_version_course_id_tutor_course")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tutor_course_version")),
        sa.UniqueConstraint("course_id", "number", name=op.f("uq_tutor_course_version_course_id_number")),
    )
    op.create_table(
        "tutor_enrolment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("enrolled_by", sa.Integer(), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["course_id"], ["tutor_course.id"], name=op.f("fk_tutor_enrolment_course_id_tutor_course")
        ),
        sa.ForeignKeyConstraint(["enrolled_by"], ["person.id"], name=op.f("fk_tutor_enrolment_enrolled_by_person")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_tutor_enrolment_person_id_person")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["tutor_course_version.id"], name=op.f("fk_tutor_enrolment_version_id_tutor_course_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tutor_enrolment")),
    )
    with op.batch_alter_table("tutor_enrolment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tutor_enrolment_course_id"), ["course_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_tutor_enrolment_person_id"), ["person_id"], unique=False)

    op.create_table(
        "tutor_step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("mode", sa.String(length=20), nullable=False),
        sa.Column("aid", sa.Boolean(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("threat_share", sa.Double(), nullable=False),
        sa.Column("target", sa.Double(), nullable=False),
        sa.Column("limit_s", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["version_id"], ["tutor_course_version.id"], name=op.f("fk_tutor_step_version_id_tutor_course_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tutor_step")),
        sa.UniqueConstraint("version_id", "position", name=op.f("uq_tutor_step_version_id_position")),
    )
    op.create_table(
        "tutor_exercise",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("enrolment_id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("seed", sa.String(length=32), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enrolment_id"], ["tutor_enrolment.id"], name=op.f("fk_tutor_exercise_enrolment_id_tutor_enrolment")
        ),
        sa.ForeignKeyConstraint(["step_id"], ["tutor_step.id"], name=op.f("fk_tutor_exercise_step_id_tutor_step")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tutor_exercise")),
    )
    with op.batch_alter_table("tutor_exercise", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_tutor_exercise_enrolment_id_step_id"), ["enrolment_id", "step_id"], unique=False
        )

    op.create_table(
        "tutor_item",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("exercise_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("picture_id", sa.Integer(), nullable=False),
        sa.Column("difficulty", sa.Double(), nullable=False),
        sa.Column("predicted", sa.Double(), nullable=True),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clock", sa.String(length=32), nullable=False),
        sa.Column("shown_s", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("said_threat", sa.Boolean(), nullable=True),
        sa.Column("x_px", sa.Double(), nullable=True),
        sa.Column("y_px", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Integer(), nullable=True),
        sa.Column("response_ms", sa.Integer(), nullable=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exercise_id"], ["tutor_exercise.id"], name=op.f("fk_tutor_item_exercise_id_tutor_exercise")
        ),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["tutor_picture.id"], name=op.f("fk_tutor_item_picture_id_tutor_picture")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tutor_item")),
        sa.UniqueConstraint("exercise_id", "number", name=op.f("uq_tutor_item_exercise_id_number")),
        sa.UniqueConstraint("request_id", name=op.f("uq_tutor_item_request_id")),
    )
    with op.batch_alter_table("tutor_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_tutor_item_picture_id"), ["picture_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("tutor_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tutor_item_picture_id"))

    op.drop_table("tutor_item")
    with op.batch_alter_table("tutor_exercise", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tutor_exercise_enrolment_id_step_id"))

    op.drop_table("tutor_exercise")
    op.drop_table("tutor_step")
    with op.batch_alter_table("tutor_enrolment", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tutor_enrolment_person_id"))
        batch_op.drop_index(batch_op.f("ix_tutor_enrolment_course_id"))

    op.drop_table("tutor_enrolment")
    op.drop_table("tutor_course_version")
    op.drop_table("tutor_course")
    with op.batch_alter_table("tutor_picture", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_tutor_picture_label_retired_at"))

    op.drop_table("tutor_picture")
