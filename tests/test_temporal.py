"""Dates and periods as questions and releases word them, counted from Wednesday 17 August 2022."""

import calendar
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qa_service.readers.dates import MONTHS
from qa_service.temporal import days_mentioned, find_periods, month_days, read_when
from qa_service.types import Period

AS_OF = date(2022, 8, 17)
Span = tuple[str, str]


def span(period: Period) -> Span:
    """ "2022-05-01" for a day, nothing for an open end."""
    return str(period.first or ""), str(period.last or "")


def asked(question: str, as_of: date = AS_OF) -> list[Span]:
    when = read_when(question, as_of)
    return [span(period) for period in when.periods] if when else []


def year(first: int, last: int | None = None) -> Span:
    return f"{first}-01-01", f"{last or first}-12-31"


def day(one: str) -> Span:
    return one, one


MAY = ("2022-05-01", "2022-05-31")

PERIODS: dict[str, list[Span]] = {
    "What was said in May 2022?": [MAY],
    "What was said in MAY 2022?": [MAY],
    "What was said in May of 2022?": [MAY],
    "What was said in May, 2022?": [MAY],
    "What was said in the month of May 2022?": [MAY],
    "What was said in late May 2022?": [MAY],
    "What changed in Sept. 2021?": [("2021-09-01", "2021-09-30")],
    "What was built in February 2020?": [("2020-02-01", "2020-02-29")],
    "What was built in February 2021?": [("2021-02-01", "2021-02-28")],
    "Who came on 13 May 2022?": [day("2022-05-13")],
    "Who came on the 13th of May 2022?": [day("2022-05-13")],
    "Who came on May 13, 2022?": [day("2022-05-13")],
    "Who came on May 13th 2022?": [day("2022-05-13")],
    "Who came on 2022-05-13?": [day("2022-05-13")],
    "Who came on Friday, 13 May 2022?": [day("2022-05-13")],
    "Who came on 29 February 2020?": [day("2020-02-29")],
    "Who came on 1 January 0001?": [day("0001-01-01")],
    "Who came on 31 December 9999?": [day("9999-12-31")],
    "What was built in 2016?": [year(2016)],
    "What was built in early 2016?": [year(2016)],
    "What was built during the first half of 2016?": [year(2016)],
    "What was built throughout 2016?": [year(2016)],
    "What was earned in the fiscal year 2016?": [year(2016)],
    "What was built in 2016-18?": [year(2016, 2018)],
    "What was built in 2016–2018?": [year(2016, 2018)],
    "What was built in 2020 or 2021?": [year(2020), year(2021)],
    "What was built in 2016 and in 2018?": [year(2016), year(2018)],
    "What was built in March and April 2020?": [
        ("2020-03-01", "2020-03-31"),
        ("2020-04-01", "2020-04-30"),
    ],
    "What was said on 6 October, 27 October and 4 November 2016?": [
        day("2016-10-06"),
        day("2016-10-27"),
        day("2016-11-04"),
    ],
    "What was built in the 1990s?": [year(1990, 1999)],
    "What was built in the early 2010s?": [year(2010, 2019)],
    "What was earned in Q3 2022?": [("2022-07-01", "2022-09-30")],
    "What was earned in the fourth quarter of 2021?": [("2021-10-01", "2021-12-31")],
    "What was earned in the first quarter 2020?": [("2020-01-01", "2020-03-31")],
    "What changed between June 2016 and January 2017?": [("2016-06-01", "2017-01-31")],
    "What changed between 2016 and 2018?": [year(2016, 2018)],
    "What changed between 3 May and 5 June 2022?": [("2022-05-03", "2022-06-05")],
    "What changed from 2016 to 2018?": [year(2016, 2018)],
    "What changed from May to July 2022?": [("2022-05-01", "2022-07-31")],
    "What changed May–July 2022?": [("2022-05-01", "2022-07-31")],
    "What changed from 3 May 2020 through 5 May 2020?": [("2020-05-03", "2020-05-05")],
    "What changed since May 2020 until July 2021?": [("2020-05-01", "2021-07-31")],
    "What was announced before 2017?": [("", "2016-12-31")],
    "What was announced prior to June 2020?": [("", "2020-05-31")],
    "What was announced earlier than 3 June 2020?": [("", "2020-06-02")],
    "What was announced until June 2020?": [("", "2020-06-30")],
    "What was announced by 2020?": [("", "2020-12-31")],
    "What was announced up to May 2020?": [("", "2020-05-31")],
    "What was announced before last year?": [("", "2020-12-31")],
    "What has been done since 13 May 2022?": [("2022-05-13", "")],
    "What has been done since the 2010s?": [("2010-01-01", "")],
    "What has been done since last year?": [("2021-01-01", "")],
    "What was done after 3 March 2020?": [("2020-03-04", "")],
    "What was done after 2020?": [("2021-01-01", "")],
    "What happened last year?": [year(2021)],
    "What happened in the previous year?": [year(2021)],
    "What happened this year?": [year(2022)],
    "What happened last month?": [("2022-07-01", "2022-07-31")],
    "What happened this month?": [("2022-08-01", "2022-08-31")],
    "What happened last week?": [("2022-08-08", "2022-08-14")],
    "What happened this week?": [("2022-08-15", "2022-08-21")],
    "What happened last quarter?": [("2022-04-01", "2022-06-30")],
    "What happened in the current quarter?": [("2022-07-01", "2022-09-30")],
    "What happened last decade?": [year(2010, 2019)],
    "What happened yesterday?": [day("2022-08-16")],
    "What happened last Friday?": [day("2022-08-12")],
    "What happened in the past three months?": [("2022-05-17", "2022-08-17")],
    "What happened in the last 5 days?": [("2022-08-12", "2022-08-17")],
    "What happened in the past week?": [("2022-08-10", "2022-08-17")],
    "What happened in the past year?": [("2021-08-17", "2022-08-17")],
    "What happened over the past decade?": [("2012-08-17", "2022-08-17")],
    "What happened two years ago?": [year(2020)],
    "What happened a month ago?": [("2022-07-01", "2022-07-31")],
    "What happened ten days ago?": [day("2022-08-07")],
    "What happened a week ago?": [("2022-08-07", "2022-08-13")],
}

NO_PERIODS = [
    "What may the minister do?",
    "May I ask who spoke?",
    "What did Theresa May say?",
    "Who will march to the harbour in protest?",
    "What is Vision 2030?",
    "What does Agenda 2063 want?",
    "Who attended the 2018 summit?",
    "What was agreed after the 2018 summit?",
    "What does the Act of 1977 say?",
    "What does Resolution 2020/2021 ask for?",
    "Who paid $2016 for it?",
    "Who paid in $2016 notes?",
    "How did prices in 2016% terms change?",
    "Who lives in 2016-4?",
    "What happens in room 2016?",
    "What does ISO 9001:2015 demand?",
    "Which of the 1500 jobs are left in 15000 towns?",
    "What will happen next year?",
    "What will happen tomorrow?",
    "What happens today?",
    "Who came on Friday?",
    "Who came on May 13?",
    "What was built in June?",
    "What was built before June?",
    "Who came on June 31, 2020?",
    "What was opened an hour ago?",
    "",
]


@pytest.mark.parametrize(("question", "meant"), PERIODS.items(), ids=PERIODS)
def test_a_question_is_about_the_periods_that_it_names(question: str, meant: list[Span]) -> None:
    assert asked(question) == meant


@pytest.mark.parametrize("question", NO_PERIODS)
def test_what_is_not_a_period_leaves_a_question_as_it_is(question: str) -> None:
    assert read_when(question, AS_OF) is None


@pytest.mark.parametrize(
    ("question", "meant"),
    {
        "What was done between 13 and 15 May 2022?": [("2022-05-13", "2022-05-15")],
        "What was done on 13-15 May 2022?": [("2022-05-13", "2022-05-15")],
        "What was done from May 13 to 15, 2022?": [("2022-05-13", "2022-05-15")],
        "What was done on 3 and 5 June 2022?": [day("2022-06-03"), day("2022-06-05")],
        "What was done on 3, 4 and 5 June 2022?": [
            day("2022-06-03"),
            day("2022-06-04"),
            day("2022-06-05"),
        ],
        "What was done on June 3 and 5 July 2022?": [day("2022-06-03"), day("2022-07-05")],
    }.items(),
)
def test_days_of_one_month_are_all_meant(question: str, meant: list[Span]) -> None:
    assert asked(question) == meant


@pytest.mark.parametrize(
    "question",
    [
        "What was built in 2016, 2017 and 2018?",
        "What was built in the years 2016, 2017 and 2018?",
        "What was built in 2016, 2017, and 2018?",
        "What was built in 2016, 2017 or in 2018?",
    ],
)
def test_years_in_a_row_are_all_meant(question: str) -> None:
    assert asked(question) == [year(2016), year(2017), year(2018)]


@pytest.mark.parametrize("range_", ["from 2016 - 2018", "from 2016 – 2018", "between 2016 & 2018"])
def test_a_range_of_years_may_have_spaces_around_its_dash(range_: str) -> None:
    assert asked(f"What was built {range_}?") == [year(2016, 2018)]


def test_a_range_over_new_year_begins_in_the_year_before() -> None:
    winter = [("2021-11-01", "2022-02-28")]
    assert asked("What was built between November and February 2022?") == winter
    assert asked("What was built from November to February 2022?") == winter


def test_a_range_given_backwards_is_turned_round() -> None:
    assert asked("What was built from 2018 to 2016?") == [year(2016, 2018)]


@pytest.mark.parametrize(
    ("question", "meant"),
    {
        "What was built before the end of 2020?": ("", "2020-12-31"),
        "What was built before the start of 2020?": ("", "2019-12-31"),
        "What was built after the beginning of 2020?": ("2020-01-01", ""),
        "What was built after the end of 2020?": ("2021-01-01", ""),
        "What was built since the end of 2019?": ("2019-01-01", ""),
        "What was built by the end of 2019?": ("", "2019-12-31"),
    }.items(),
)
def test_a_part_of_a_period_does_not_shut_the_rest_of_it_out(question: str, meant: Span) -> None:
    assert asked(question) == [meant]


@pytest.mark.parametrize(
    ("question", "meant"),
    {
        "What was built in the last month of 2020?": year(2020),
        "What was built in the last week of May 2022?": MAY,
        "What was built in the last three years of the 1990s?": year(1990, 1999),
        "What was built in mid-2020?": year(2020),
    }.items(),
)
def test_a_part_of_a_named_period_is_not_counted_from_today(question: str, meant: Span) -> None:
    assert asked(question) == [meant]


@pytest.mark.parametrize(
    ("question", "order"),
    {
        "What is the latest on the harbour?": "newest",
        "What is the most recent plan?": "newest",
        "What was the last statement on the harbour?": "newest",
        "What was most recently said?": "newest",
        "Which are the newest ferries?": "newest",
        "What is the earliest plan?": "oldest",
        "Who was the first to ask for a bridge?": "oldest",
        "When was the bridge first announced?": "oldest",
        "What did the first release say?": "oldest",
    }.items(),
)
def test_a_question_can_ask_for_the_newest_or_the_oldest(question: str, order: str) -> None:
    when = read_when(question, AS_OF)
    assert when is not None
    assert (when.periods, when.order) == ((), order)


@pytest.mark.parametrize(
    "question",
    ["Who lasted?", "What is the first bridge called?", "Who came last?", "Is it the last bridge?"],
)
def test_first_and_last_alone_ask_for_no_order(question: str) -> None:
    assert read_when(question, AS_OF) is None


def test_a_question_can_name_a_period_and_ask_for_the_newest() -> None:
    question = "What was the latest news of May 2022 and of last year?"
    when = read_when(question, AS_OF)
    assert when is not None
    assert ([span(one) for one in when.periods], when.order) == ([MAY, year(2021)], "newest")
    assert when.words == ("latest", "May 2022", "last year")
    assert when.as_of == AS_OF


@pytest.mark.parametrize(
    ("question", "words"),
    {
        "What was said between June 2016 and January 2017?": "between June 2016 and January 2017",
        "What was said since 13 May 2022?": "since 13 May 2022",
        "What was said in May 2022?": "May 2022",
        "What was said before the end of 2020?": "before the end of 2020",
    }.items(),
)
def test_the_words_that_name_a_period_are_given_with_it(question: str, words: str) -> None:
    when = read_when(question, AS_OF)
    assert when is not None
    assert when.words == (words,)
    assert [question[one.start : one.end] for one in when.periods] == [words]


@pytest.mark.parametrize(
    ("as_of", "meant"),
    {
        date(2020, 2, 29): ("2019-02-28", "2020-02-29"),
        date(2021, 2, 28): ("2020-02-28", "2021-02-28"),
        date(2021, 1, 1): ("2020-01-01", "2021-01-01"),
    }.items(),
)
def test_a_year_before_a_leap_day_ends_in_february(as_of: date, meant: Span) -> None:
    assert asked("What happened in the past year?", as_of) == [meant]


@pytest.mark.parametrize(("words", "first", "last"), [
    ("last month", "2021-12-01", "2021-12-31"), ("last quarter", "2021-10-01", "2021-12-31"),
    ("last week", "2021-12-20", "2021-12-26"), ("this week", "2021-12-27", "2022-01-02"),
    ("the past month", "2021-12-01", "2022-01-01"), ("yesterday", "2021-12-31", "2021-12-31"),
])  # fmt: skip
def test_on_new_years_day_the_past_lies_in_the_old_year(words: str, first: str, last: str) -> None:
    assert asked(f"What happened {words}?", date(2022, 1, 1)) == [(first, last)]


PUBLISHED = date(2022, 5, 16)  # a Monday
MENTIONED: dict[str, Span] = {
    "The quay opened on Friday.": day("2022-05-13"),
    "The quay opened on Monday.": day("2022-05-16"),
    "The quay opened last Tuesday.": day("2022-05-10"),
    "The quay opened yesterday.": day("2022-05-15"),
    "The quay opened today.": day("2022-05-16"),
    "The quay opens tomorrow.": day("2022-05-17"),
    "The quay opened last month.": ("2022-04-01", "2022-04-30"),
    "The quay opens next week.": ("2022-05-23", "2022-05-29"),
    "The quay opened three weeks ago.": ("2022-04-22", "2022-04-28"),
    "The quay opened on May 13.": day("2022-05-13"),
    "The quay opened on 13 May with a band.": day("2022-05-13"),
    "The quay opened on 20 December.": day("2021-12-20"),
    "The quay opens on 3 October.": day("2022-10-03"),
    "The quay opened on February 29 in fog.": ("2022-02-01", "2022-02-28"),
    "The quay opened in March.": ("2022-03-01", "2022-03-31"),
    "The quay opened on 29 February 2020.": day("2020-02-29"),
    "The quay opened in 1998.": year(1998),
    "The quay opened in the 1990s.": year(1990, 1999),
    "It earned more in the second quarter of 2021.": ("2021-04-01", "2021-06-30"),
}


@pytest.mark.parametrize(("text", "meant"), MENTIONED.items(), ids=MENTIONED)
def test_a_release_mentions_days_counted_from_its_own(text: str, meant: Span) -> None:
    found = {(str(first), str(last)) for first, last in days_mentioned(text, PUBLISHED)}
    assert found == {meant}


def test_a_leap_day_without_its_year_is_the_nearest_there_is() -> None:
    text = "The quay opened on February 29, in fog."
    assert (date(2020, 2, 29), date(2020, 2, 29)) in days_mentioned(text, date(2021, 1, 5))
    assert (date(2024, 2, 29), date(2024, 2, 29)) in days_mentioned(text, date(2023, 12, 5))


@pytest.mark.parametrize("text", MENTIONED)
def test_without_its_own_date_a_release_mentions_only_whole_dates(text: str) -> None:
    whole = any(word in text for word in ("1990s", "1998", "2020", "2021"))
    assert bool(days_mentioned(text, None)) == whole


@pytest.mark.parametrize(
    "text",
    ["He may go.", "They march on.", "He may 13 times.", "It cost $2016 or 2,016.", "9 of 2016-4."],
)
def test_words_and_sums_are_no_days(text: str) -> None:
    assert days_mentioned(text, PUBLISHED) == set()


def test_several_days_of_a_release_are_each_kept_once() -> None:
    text = "On May 13 and again on 13 May 2022 and on Friday, and in 2016, it opened."
    assert days_mentioned(text, PUBLISHED) == {
        (date(2022, 5, 13), date(2022, 5, 13)),
        (date(2016, 1, 1), date(2016, 12, 31)),
    }


@pytest.mark.parametrize("as_of", [date.min, date.min + timedelta(400), AS_OF, date.max])
@pytest.mark.parametrize("words", [
    "yesterday", "today", "tomorrow", "on Friday", "last week", "this week", "next week",
    "last month", "next month", "last quarter", "next quarter", "last year", "this year",
    "next year", "last decade", "this decade", "next decade", "past 999 days", "past 999 decades",
    "999 years ago", "300 decades ago", "999 weeks ago", "13 May", "February 29", "in May",
    "in December", "in January", "after 31 December 9999", "before 1 January 0001",
    "until 31 December 9999", "since 0001-01-01", "0000-00-00", "between 0001-01-01 and 9999-12-31",
])  # fmt: skip
def test_where_the_calendar_ends_no_question_fails(words: str, as_of: date) -> None:
    question = f"What happened {words}?"
    when = read_when(question, as_of)
    assert when is None or all(one.first or one.last for one in when.periods)
    assert all(first <= last for first, last in days_mentioned(question, as_of))


@pytest.mark.parametrize("words", [
    "laſt year", "yeſterday", "3 ſept 2020", "ſept 2020", "Auguſt 3", "on frıday", "on FRİDAY",
    "the fırst quarter of 2020", "fıve weeKs ago", "thıs year", "in the 1990ſ",
])  # fmt: skip
def test_letters_that_only_look_alike_do_not_fail(words: str) -> None:
    read_when(f"What happened {words}?", AS_OF)
    days_mentioned(f"It happened {words}.", AS_OF)


PIECES = [
    *MONTHS, *(month.capitalize() for month in MONTHS), "Sept.", "May", "13", "31", "1", "29th",
    "2016", "2022", "1999", "0000", "9999", "Q3", "third quarter of", "the 1990s", "2016-18",
    "2020-02-29", "between", "and", "from", "to", "-", "–", ",", "since", "before", "after",
    "until", "by", "in", "on", "last", "this", "next", "past", "three", "999", "a", "day", "weeks",
    "month", "quarter", "years", "decades", "ago", "yesterday", "tomorrow", "Friday", "latest",
    "first announced", "the end of", "mid", "ſ", "ı", "٣", "\u00a0", "\n",
]  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.sampled_from(PIECES), max_size=12).map(" ".join),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
)
DAYS = st.one_of(st.dates(), st.dates(date(1990, 1, 1), date(2030, 12, 31)))


@given(TEXTS, st.one_of(st.none(), DAYS))
@example("300 decades ago", AS_OF)
@example("last year", date.min)
@example("tomorrow", date.max)
@example("laſt year", AS_OF)
def test_periods_of_any_text_lie_in_it_in_order_and_apart(text: str, as_of: date | None) -> None:
    found = find_periods(text, as_of)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    for one in found:
        assert one.first is not None
        assert one.last is not None
        assert one.first <= one.last
    assert days_mentioned(text, as_of) == {(one.first, one.last) for one in found}


@given(TEXTS, DAYS)
@example("from 2018 to 2016", AS_OF)
@example("between November and February 2022", AS_OF)
@example("after 31 December 9999", AS_OF)
def test_periods_asked_for_lie_in_the_question_in_order_and_apart(text: str, as_of: date) -> None:
    when = read_when(text, as_of)
    if when is None:
        return
    assert when.periods or when.order
    assert all(0 <= one.start < one.end <= len(text) for one in when.periods)
    assert all(one.end <= other.start for one, other in pairwise(when.periods))
    assert all(word and word in text for word in when.words)
    for one in when.periods:
        assert one.first or one.last
        assert one.first is None or one.last is None or one.first <= one.last


@given(st.dates(date(1900, 1, 1), date(2099, 12, 31)), DAYS)
def test_a_whole_date_means_the_same_however_it_is_written(one: date, as_of: date) -> None:
    month = MONTHS[one.month - 1].capitalize()
    forms = [
        f"{one}",
        f"{one.day} {month} {one.year}",
        f"{month} {one.day}, {one.year}",
        f"the {one.day}th of {month[:3]}. {one.year}",
    ]
    for form in forms:
        assert asked(f"What was said on {form}?", as_of) == [day(str(one))], form


@given(st.integers(1, 9999), st.integers(1, 12))
@example(9999, 12)
@example(1, 1)
@example(1900, 2)
@example(2000, 2)
def test_the_days_of_a_month_are_those_of_the_calendar(one: int, month: int) -> None:
    length = calendar.monthrange(one, month)[1]
    assert month_days(one, month) == (date(one, month, 1), date(one, month, length))


@given(st.integers(2, 9998), st.integers(-11, 24))
def test_months_beyond_a_year_count_on_into_others(one: int, month: int) -> None:
    step, rest = divmod(month - 1, 12)
    assert month_days(one, month) == month_days(one + step, rest + 1)


@given(st.dates(date(1000, 1, 1), date(9000, 1, 1)), st.integers(1, 999))
def test_past_days_end_today_and_are_as_many(as_of: date, count: int) -> None:
    [(first, last)] = asked(f"What happened in the past {count} days?", as_of)
    assert (date.fromisoformat(first) + timedelta(count), last) == (as_of, str(as_of))


@given(st.dates(date(1900, 1, 1), date(2099, 1, 1)))
def test_a_weekday_is_one_of_the_last_seven_days(as_of: date) -> None:
    for back in range(7):
        one = as_of - timedelta(back)
        assert days_mentioned(f"It opened on {one:%A}.", as_of) == {(one, one)}
