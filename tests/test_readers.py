import io
from datetime import date

import pytest
from conftest import SEED
from hypothesis import given
from hypothesis import strategies as st

from qa_service.errors import CorpusError
from qa_service.readers.dates import DateStyle, find_date, parse_date
from qa_service.readers.formats import ReadingOptions, read_stream
from qa_service.readers.text import decode
from qa_service.types import LeftOut, Reading, Release

SEED_ID = "2022-05-16-cambodia-us-foreign-ministers"


def outcome(name: str, data: bytes, **given: object) -> Reading:
    """What one file gives.

    Raises:
        CorpusError: it was left out.
    """
    [one] = read_stream(name, io.BytesIO(data), ReadingOptions(), given)
    if isinstance(one, LeftOut):
        raise CorpusError(one.reason)
    assert isinstance(one, Reading)
    return one


def read(text: str, release_id: str = "r") -> Release:
    return outcome(f"{release_id}.txt", text.encode()).release


def read_line(line: bytes) -> Release:
    return outcome("f.jsonl", line).release


def test_the_seed_release_is_read_as_its_letterhead_says() -> None:
    data = (SEED / f"{SEED_ID}.txt").read_bytes()
    release = outcome(f"{SEED_ID}.txt", data).release
    assert release.text.encode() == data
    assert release.issuer == "Minister of Foreign Affairs and International Cooperation"
    assert release.title.startswith("Meeting between H.E. Deputy Prime Minister Prak Sokhonn, ")
    assert release.title.endswith(" on 13 May 2022, in Washington D.C.")
    assert (release.published, release.place) == (date(2022, 5, 16), "Phnom Penh")
    body = release.text[release.body_start : release.body_end]
    assert body.startswith("On the sideline of the ASEAN-U.S. Special Summit")
    assert body.endswith("between Cambodia and the United States in all areas.")
    dateline = release.text[release.dateline_start : release.dateline_end]
    assert dateline == "Phnom Penh, 16 May 2022"


def test_the_dateline_is_the_release_date_and_not_the_event_date_in_the_title() -> None:
    data = (SEED / f"{SEED_ID}.txt").read_bytes()
    assert outcome("no-date-here.txt", data).release.published == date(2022, 5, 16)


@pytest.mark.parametrize(
    ("opening", "place", "published"),
    [
        ("KABUL, Afghanistan (Jan. 25, 2013) – ", "KABUL, Afghanistan", date(2013, 1, 25)),
        (
            "PLANTATION, FL, March 12, 2024 /24-7PressRelease/ -- ",
            "PLANTATION, FL",
            date(2024, 3, 12),
        ),
        (
            "WEST PALM BEACH, FLORIDA - July 15, 2025 (NEWSWIRE) - ",
            "WEST PALM BEACH, FLORIDA",
            date(2025, 7, 15),
        ),
        ("Phnom Penh, 16 May 2022 – ", "Phnom Penh", date(2022, 5, 16)),
        ("TORONTO, ON, March 12, 2024 – ", "TORONTO, ON", date(2024, 3, 12)),
    ],
)
def test_an_opening_dateline_gives_place_and_date(
    opening: str, place: str, published: date
) -> None:
    release = read(opening + "The minister opened the new bridge today. " * 8)
    assert (release.place, release.published) == (place, published)
    assert release.body_start == 0


def test_a_date_in_running_text_is_not_a_dateline() -> None:
    release = read("The minister opened the new bridge on 16 May 2022 in the rain. " * 8)
    assert (release.place, release.published) == ("", None)


@pytest.mark.parametrize("text", ["Just one line.", "Hello\n\nworld", "1\n\n2\n\n3"])
def test_what_is_not_printed_stays_unknown(text: str) -> None:
    release = read(text)
    assert (release.title, release.issuer, release.place, release.published) == ("", "", "", None)


HEAD = "---\ntitle: Given\npublished: 2020-01-02\nissuer: Them\nnumber: 7\nseen: 2020-01-03\n---\n"
PROSE = "Prose goes on and on. " * 12


def test_front_matter_gives_what_the_release_does_not_say_itself_and_leaves_the_text() -> None:
    release = read(f"{HEAD}A short line\n\n{PROSE}")
    assert (release.title, release.published, release.issuer) == ("Given", date(2020, 1, 2), "Them")
    assert release.metadata == {"number": 7, "seen": "2020-01-03"}
    assert release.text.startswith("A short line")


def test_what_the_release_says_wins_over_front_matter_and_the_difference_is_told() -> None:
    data = f"{HEAD}PRESS RELEASE\n\nPrinted\n\nOslo, 5 May 2021 – {PROSE}".encode()
    reading = outcome("2019-01-01-x.txt", data)
    assert (reading.release.title, reading.release.published) == ("Printed", date(2021, 5, 5))
    assert reading.origins["title"] == "letterhead"
    assert reading.origins["published"] == "dateline"
    assert (
        "dateline says 2021-05-05, file name 2019-01-01: the dateline is taken" in reading.warnings
    )
    assert (
        "dateline says 2021-05-05, front matter 2020-01-02: the dateline is taken"
        in reading.warnings
    )


def test_what_a_person_wrote_beside_the_file_always_wins() -> None:
    data = f"{HEAD}PRESS RELEASE\n\nPrinted\n\nOslo, 5 May 2021 – {PROSE}".encode()
    given = {"title": "Right", "published": date(2021, 5, 6), "metadata": {"number": 8}}
    reading = outcome("x.txt", data, **given)
    assert (reading.release.title, reading.release.published) == ("Right", date(2021, 5, 6))
    assert reading.origins["title"] == "sidecar"
    assert reading.release.metadata == {"number": 8, "seen": "2020-01-03"}
    assert reading.warnings == ()


@pytest.mark.parametrize(
    ("locale", "published"),
    [
        ("en-US", date(2022, 3, 4)),
        ("en-GB", date(2022, 4, 3)),
        ("fr", date(2022, 4, 3)),
        ("en", None),
    ],
)
def test_day_and_month_are_in_the_order_of_the_locale_or_the_date_is_unknown(
    locale: str, published: date | None
) -> None:
    page = f"<html lang='{locale}'><h1>Lamps</h1><p>Date: 03/04/2022</p><p>{PROSE * 3}</p></html>"
    reading = outcome("x.html", page.encode())
    assert reading.release.published == published
    ambiguous = "the date 03/04/2022 can be read in two ways: published stays unknown"
    assert (ambiguous in reading.warnings) == (published is None)


@pytest.mark.parametrize(
    ("byline", "issuer", "author"),
    [
        ("By the Port Authority of Lindholm, 5 March 2024", "the Port Authority of Lindholm", ""),
        ("By Jane Doe | 5 March 2024", "", "Jane Doe"),
    ],
)
def test_a_byline_says_who_and_when(byline: str, issuer: str, author: str) -> None:
    reading = outcome("x.txt", f"Lamps stay on\n\n{byline}\n\n{PROSE}".encode())
    release = reading.release
    assert (release.title, release.issuer) == ("Lamps stay on", issuer)
    assert (release.published, reading.origins["published"]) == (date(2024, 3, 5), "byline")
    assert release.metadata.get("author", "") == author


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Le préfet a déclaré que l’été serait chaud à Genève, d’après l’enquête. " * 4),
        ("cp1252", "Café"),
        (
            "cp1250",
            "Minister poinformował we wtorek, że światła w porcie będą się palić całą noc. " * 4,
        ),
        (
            "cp1251",
            "Министерство сообщило во вторник, что огни в порту будут гореть всю ночь. " * 4,
        ),
        (
            "koi8-r",
            "Министерство сообщило во вторник, что огни в порту будут гореть всю ночь. " * 4,
        ),
        ("shift_jis", "港湾局は火曜日、冬の間ずっと港の灯りを一晩中つけておくと発表した。" * 6),
        ("gb18030", "港务局星期二宣布，整个冬季港口的灯光将彻夜长明。部长对此表示欢迎。" * 6),
        ("utf-16", "Le préfet"),
    ],
)
def test_old_encodings_are_recognised(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding))[0] == text


def test_a_date_in_the_name_is_the_last_resort() -> None:
    assert read("No date here.", "a/2021-02-03-bridge").published == date(2021, 2, 3)
    assert read("No date here.", "2021-02-31-bridge").published is None


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "no text"),
        (b" \n \n", "no text"),
        (b"abc\x00\x01", r"control character U\+0000 at character 3"),
        (b"---\ntitle: [\n---\ntext", "front matter is not YAML"),
        (b"---\npublished: 03/04/2022\n---\ntext", "write it as YYYY-MM-DD"),
    ],
)
def test_an_unusable_text_file_is_refused_with_the_reason(data: bytes, complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint):
        outcome("r.txt", data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_unicode_with_and_without_a_mark_is_decoded(encoding: str) -> None:
    assert decode("Préfecture កម្ពុជា".encode(encoding)) == ("Préfecture កម្ពុជា", "")


def test_a_line_keeps_its_text_and_other_metadata() -> None:
    metadata = b'{"date": "2020-01-02T10:00:00Z", "x": [1]}'
    line = b'{"_id": 7, "title": " T ", "text": " a\\r\\nb ", "metadata": ' + metadata + b"}"
    release = read_line(line)
    assert (release.release_id, release.title, release.text) == ("7", "T", " a\r\nb ")
    assert (release.published, release.metadata) == (date(2020, 1, 2), {"x": [1]})


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b"\xff{}", "not UTF-8"),
        (b'{"text": "x"}', '"_id" is missing'),
        (b'{"_id": "a\\nb", "text": "x"}', "cannot stand in an address"),
        (b'{"_id": "a", "text": "  "}', '"text" is missing'),
        (b'{"_id": "a", "text": {"b": 1}}', '"text" is not a string'),
        (b'{"_id": "a", "text": "x\\ud800"}', r"U\+D800"),
        (b'{"_id": "a", "text": "x", "metadata": 3}', '"metadata" is not an object'),
        (b'{"_id": "a", "text": "x", "metadata": {"date": "soon"}}', "'soon'"),
    ],
)
def test_an_unusable_line_is_refused_with_the_reason(line: bytes, complaint: str) -> None:
    with pytest.raises(CorpusError, match=complaint):
        read_line(line)


@pytest.mark.parametrize(
    ("printed", "day"),
    [
        ("16 May 2022", date(2022, 5, 16)),
        ("May 16, 2022", date(2022, 5, 16)),
        ("Sept. 3rd, 2021", date(2021, 9, 3)),
        ("the 1st of July 2024", date(2024, 7, 1)),
        ("2022-05-16", date(2022, 5, 16)),
        ("31 February 2022", None),
        ("03/04/2022", None),
        ("13/04/2022", date(2022, 4, 13)),
        ("04/13/2022", date(2022, 4, 13)),
        ("16.05.2022", date(2022, 5, 16)),
        ("version 1.2.2022.1", None),
        ("1er août 2022", date(2022, 8, 1)),
        ("16. Mai 2022", date(2022, 5, 16)),
        ("16 de maio de 2022", date(2022, 5, 16)),
        ("16 d’abril de 2022", date(2022, 4, 16)),
        ("16 мая 2022 г.", date(2022, 5, 16)),
        ("2022. május 16.", date(2022, 5, 16)),
        ("ថ្ងៃទី១៦ ខែឧសភា ឆ្នាំ២០២២", date(2022, 5, 16)),
        ("16 พฤษภาคม 2565", date(2022, 5, 16)),
        ("ngày 16 tháng 5 năm 2022", date(2022, 5, 16)),
        ("2022年5月16日", date(2022, 5, 16)),
        ("16 listopada 2022", None),  # October in Croatian, November in Polish
        ("16 people 2022", None),
        ("Mars 16, 2022", None),
    ],
)
def test_printed_dates_are_read_and_ambiguous_ones_are_not(printed: str, day: date | None) -> None:
    found = find_date(f"It was on {printed} that")
    assert (found[0] if found else None) == day


def test_a_language_that_is_known_tells_which_month_a_name_is() -> None:
    found = {one: find_date("16 listopada 2022", DateStyle(one)) for one in ("hr", "pl")}
    assert {one: day[0].month for one, day in found.items() if day} == {"hr": 10, "pl": 11}


@given(
    st.sampled_from("fr es de pt it nl km ru pl cs tr id ar hi sv da fi el ro".split()),
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
)
def test_every_date_as_a_language_writes_it_out_is_read(language: str, day: date) -> None:
    from babel.dates import format_date

    printed = format_date(day, "long", locale=language)
    assert parse_date(printed, DateStyle(language)) == day, printed


@given(st.dates(date(1000, 1, 1)))
def test_every_way_to_print_a_date_gives_it_back(day: date) -> None:
    for form in ("%d %B %Y", "%B %d, %Y", "%b. %d, %Y", "%Y-%m-%d"):
        assert parse_date(f"{day:{form}}") == day


@given(st.binary(max_size=300))
def test_any_bytes_are_a_release_or_a_clear_refusal(data: bytes) -> None:
    for ending in ("txt", "jsonl", "html", "eml", "rtf", "csv", "json"):
        for one in read_stream(f"r.{ending}", io.BytesIO(data), ReadingOptions()):
            if isinstance(one, Reading):
                release = one.release
                assert 0 <= release.body_start <= release.body_end <= len(release.text)
            else:
                assert isinstance(one, LeftOut)
                assert one.reason


MORE = (
    "The minister opened the new bridge in the presence of many guests, who were glad of it. " * 3
)


@pytest.mark.parametrize(
    ("head", "title", "issuer", "published", "place"),
    [
        (
            "FOR IMMEDIATE RELEASE\nMarch 5, 2024\n\nContact:\nJane Doe\n555-123-4567\n\n"
            "ACME LAUNCHES NEW LAMP\n\nNEW YORK, NY -- ",
            "ACME LAUNCHES NEW LAMP", "", date(2024, 3, 5), "NEW YORK, NY",
        ),
        (
            "Department of Justice\nOffice of Public Affairs\n\nFOR IMMEDIATE RELEASE\n"
            "Tuesday, March 5, 2024\n\nTwo Men Sentenced for Fraud\n\nWASHINGTON – ",
            "Two Men Sentenced for Fraud", "Department of Justice Office of Public Affairs",
            date(2024, 3, 5), "WASHINGTON",
        ),
        (
            "European Commission - Press release\n\nCommission approves new lamps\n\n"
            "Brussels, 5 March 2024\n\n",
            "Commission approves new lamps", "European Commission", date(2024, 3, 5), "Brussels",
        ),
        (
            "Press release\n\nMinister opens bridge\n\nFrom: Department for Transport\n"
            "Published 5 March 2024\n\n",
            "Minister opens bridge", "Department for Transport", date(2024, 3, 5), "",
        ),
        (
            "EMBASSY OF VESTERLAND\n\nNo. 12/2024\n\nPRESS RELEASE\n\nDate: 13/03/2024\n\n"
            "Ambassador meets the governor\n\n",
            "Ambassador meets the governor", "Embassy of Vesterland", date(2024, 3, 13), "",
        ),
        (
            "5 March 2024\n\nMinister opens bridge\n\n",
            "Minister opens bridge", "", date(2024, 3, 5), "",
        ),
    ],
)  # fmt: skip
def test_letterheads_of_many_kinds_are_read(
    head: str, title: str, issuer: str, published: date, place: str
) -> None:
    release = read(head + MORE)
    assert (release.title, release.issuer) == (title, issuer)
    assert (release.published, release.place) == (published, place)


FRENCH = (
    "Le port de Lindholm rouvre après les travaux de "
    "l'hiver, a annoncé la ministre devant la presse. "
)
SPANISH = (
    "El puerto de Lindholm abre de nuevo tras las obras "
    "del invierno, anunció la ministra ante la prensa. "
)
GERMAN = (
    "Der Hafen von Lindholm ist nach den Arbeiten des "
    "Winters wieder offen, sagte die Ministerin heute. "
)
PORTUGUESE = (
    "O porto de Lindholm reabre depois das obras do "
    "inverno, anunciou a ministra aos jornalistas hoje. "
)
ITALIAN = (
    "Il porto di Lindholm riapre dopo i lavori dell'inverno, "
    "ha annunciato la ministra alla stampa oggi. "
)
KHMER = (
    "ក្រសួងសាធារណការ និងដឹកជញ្ជូន សូមជម្រាបជូនសាធារណជនថា កំពង់ផែភ្នំពេញនឹងបើកដំណើរការឡើងវិញ"
    "បន្ទាប់ពីការជួសជុលរយៈពេលបីខែ ដើម្បីបម្រើដល់ការដឹកជញ្ជូនទំនិញ និងអ្នកដំណើរ។ "
)
CHINESE = (
    "林德霍尔姆港经过冬季施工后今天重新开放，部长在新闻发布会上宣布，渡轮将按照新的时间表运行。"
)


@pytest.mark.parametrize(
    ("text", "title", "issuer", "place"),
    [
        (
            "MINISTÈRE DES TRANSPORTS\n\nCOMMUNIQUÉ DE PRESSE\n\nLe port de Lindholm rouvre\n\n"
            f"Paris, le 16 mai 2022 – {FRENCH * 3}",
            "Le port de Lindholm rouvre", "Ministère des Transports", "Paris",
        ),
        (
            "Ministerio de Transportes\n\nNOTA DE PRENSA\n\nEl puerto abre de nuevo\n\n"
            f"Madrid, 16 de mayo de 2022.- {SPANISH * 3}",
            "El puerto abre de nuevo", "Ministerio de Transportes", "Madrid",
        ),
        (
            "Bundesministerium für Verkehr\n\nPressemitteilung Nr. 12/2022\n\nMontag, 16. Mai 2022\n\n"
            f"Der Hafen ist wieder offen\n\n{GERMAN * 3}",
            "Der Hafen ist wieder offen", "Bundesministerium für Verkehr", "",
        ),
        (
            f"Pressemitteilung\n\nDer Hafen ist offen\n\n{GERMAN * 3}\n\nBerlin, den 16. Mai 2022",
            "Der Hafen ist offen", "", "Berlin",
        ),
        (
            "Ministério dos Transportes\n\nCOMUNICADO DE IMPRENSA\n\nO porto reabre\n\n"
            f"Lisboa, 16 de maio de 2022 – {PORTUGUESE * 3}",
            "O porto reabre", "Ministério dos Transportes", "Lisboa",
        ),
        (
            "Ministero dei Trasporti\n\nCOMUNICATO STAMPA\n\nIl porto riapre\n\n"
            f"(Roma, 16 maggio 2022) – {ITALIAN * 3}",
            "Il porto riapre", "Ministero dei Trasporti", "Roma",
        ),
        (
            "ក្រសួងសាធារណការ និងដឹកជញ្ជូន\n\nសេចក្តីប្រកាសព័ត៌មាន\n\nកំពង់ផែភ្នំពេញបើកដំណើរការឡើងវិញ\n\n"
            f"{KHMER * 4}\n\nភ្នំពេញ ថ្ងៃចន្ទ ទី១៦ ខែឧសភា ឆ្នាំ២០២២",
            "កំពង់ផែភ្នំពេញបើកដំណើរការឡើងវិញ", "ក្រសួងសាធារណការ និងដឹកជញ្ជូន", "ភ្នំពេញ",
        ),
        (f"新闻稿\n\n港口重新开放\n\n2022年5月16日\n\n{CHINESE * 6}", "港口重新开放", "", ""),
    ],
    ids=["fr", "es", "de", "de closing", "pt", "it", "km", "zh"],
)  # fmt: skip
def test_letterheads_of_many_languages_are_read(
    text: str, title: str, issuer: str, place: str
) -> None:
    release = read(text)
    assert (release.title, release.issuer) == (title, issuer)
    assert (release.published, release.place) == (date(2022, 5, 16), place)


def test_the_order_of_day_and_month_is_that_of_the_language_where_no_country_is_known() -> None:
    assert read(f"Pressemitteilung\n\n03/04/2022\n\n{GERMAN * 3}").published == date(2022, 4, 3)
    english = outcome("x.txt", f"PRESS RELEASE\n\n03/04/2022\n\n{MORE}".encode())
    assert english.release.published is None
    assert any("03/04/2022 can be read in two ways" in one for one in english.warnings)


def test_contacts_and_headings_about_the_issuer_are_set_apart_in_other_languages() -> None:
    around = "Contact presse : Jeanne Martin, tél. 01 23 45 67 89\n\nÀ propos du Port de Lindholm"
    text = f"Le port rouvre\n\n{FRENCH * 4}\n\n{around}\n\nLe Port de Lindholm est un port."
    release = read(text)
    marked = " ".join(release.text[a:b] for a, b in release.boilerplate)
    assert "Jeanne Martin" in marked
    assert "À propos du Port" in marked
    assert "est un port" in marked
    assert "rouvre après" not in marked


def test_a_paragraph_that_begins_with_a_number_of_people_is_news() -> None:
    late = "About 300 people came to the opening of the new bridge, and most of them walked across it, too."
    release = read(f"Bridge opened\n\n{MORE}\n\n{late} {late}")
    assert release.boilerplate == ()


def test_a_short_release_is_read_by_its_date_line() -> None:
    release = read("Nordfjell opens plant\n\n12 June 2023\n\nThe plant opened today.")
    assert (release.title, release.published) == ("Nordfjell opens plant", date(2023, 6, 12))
    assert release.text[release.body_start :] == "The plant opened today."


def test_what_the_wire_calls_its_source_is_the_issuer() -> None:
    text = (
        f"PRESS RELEASE\n\nLamps\n\nOSLO, May 5, 2021 /Wire/ -- {MORE}\n\nSOURCE Nordfjell Company"
    )
    assert read(text).issuer == "Nordfjell Company"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "en",
            "The Port Authority said on Tuesday that the lamps in the harbour stay on all night. ",
        ),
        (
            "de",
            "Die Hafenbehörde teilte am Dienstag mit, dass die Lampen im Hafen die ganze Nacht brennen. ",
        ),
        (
            "fr",
            "L’autorité portuaire a annoncé mardi que les lampes du port resteraient allumées la nuit. ",
        ),
        (
            "nl",
            "De havenautoriteit heeft dinsdag gezegd dat de lampen in de haven de hele nacht branden. ",
        ),
        ("km", "ក្រសួងការបរទេសនិងសហប្រតិបត្តិការអន្តរជាតិបានជូនដំណឹងថា "),
        ("", "Yes. "),
    ],
)
def test_the_language_is_told_where_there_is_enough_text(language: str, text: str) -> None:
    assert read(text * (3 if language else 1)).language == language


def test_what_the_server_says_is_the_last_resort_and_said_to_be_so() -> None:
    fetched = {
        "url": "https://x.example/1",
        "last_modified": "Tue, 05 Mar 2024 09:00:00 GMT",
        "content_language": "de-AT, en",
    }
    reading = outcome("x.txt", b"Nothing is printed here.", fetched=fetched)
    assert (reading.release.published, reading.release.url) == (
        date(2024, 3, 5),
        "https://x.example/1",
    )
    assert reading.origins["published"] == "HTTP header"
    assert "the date is only when the server says the page was changed" in reading.warnings
    fetched["feed_published"] = "Mon, 04 Mar 2024 09:00:00 GMT"
    assert outcome("x.txt", b"Nothing.", fetched=fetched).release.published == date(2024, 3, 4)
