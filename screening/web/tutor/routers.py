"""All routes of operator training, put together.

Pages (HTML)::

    GET  /tutor                        home.html: what is next, own curves, hours of the six-month rule
    POST /tutor/begin                  enrolment, step → the exercise; goes on where it was interrupted
    GET  /tutor/exercises/{id}         exercise.html: the desk, for training; /review after its end
    GET  /tutor/exercises/{id}/review  review.html
    GET  /tutor/results                results.html ?person=LOGIN &course=ID &mode= &aid= &months=; .csv, .pdf alike
    GET  /tutor/certificates/{id}.pdf  of an enrolment whose steps are all done
    GET  /tutor/courses                courses.html: the trainer's home
    GET  /tutor/courses/new            course_form.html ?template=NAME; POST /tutor/courses
    GET  /tutor/courses/{id}           course.html; POST …/enrol, …/close, …/edit; GET …/edit, …/group.csv
    POST /tutor/enrolments/{id}/end    takes somebody out of a course

JSON::

    POST /api/tutor/exercises/{id}/next    {item: {id, number, of, left_s, alarms, pixels_url} | null, review_url}
    POST /api/tutor/exercises/{id}/leave   {review_url}
    POST /api/tutor/items/{id}/answer      {request_id, is_threat, click_px, view, confidence, took_ms}
                                           → {outcome, late, truths, click_px, click_view, looks, alike, over}, bare
                                           in examinations
    GET  /api/tutor/items/{id}/pixels      viewer container
    GET  /api/tutor/items/{id}/looks/{n}.png   crops for the feedback; whole.png: the views with their boxes
"""

from __future__ import annotations

from fastapi import APIRouter

from ..console import Console


def tutor_routers(console: Console) -> list[APIRouter]:
    """Every router of operator training."""
    from . import course_form_pages, course_pages, exercise_api, learner_pages, printed_pages, results_pages

    return [
        learner_pages.learner_router(console),
        # Before the course pages: /tutor/courses/new is no number of a course.
        course_form_pages.form_router(console),
        course_pages.course_router(console),
        results_pages.results_router(console),
        printed_pages.printed_router(console),
        exercise_api.exercise_api(console),
    ]
