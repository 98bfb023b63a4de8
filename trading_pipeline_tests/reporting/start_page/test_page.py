"""The start page and the pages of words: texts are escaped, long lists are cut and say so."""

from datetime import UTC, datetime

from trading_pipeline.reporting.start_page import render_refusal, render_start_page
from trading_pipeline.reporting.start_page.page import MOST_LISTED

STAMP = datetime(2012, 3, 5, 14, 30, tzinfo=UTC)


def test_titles_are_escaped_and_link_to_their_pages():
    pages = [("abc.html", "result", "<script>x</script>", STAMP)]
    text = render_start_page(pages, today="leaderboard", stored=None)
    assert '<a href="abc.html">&lt;script&gt;x&lt;/script&gt;</a>' in text
    assert "2012-03-05 14:30" in text
    assert "1 page<" in text
    assert "index.html" not in text


def test_a_long_list_is_cut_and_says_how_much_there_is():
    pages = [(f"{number}.html", "result", "A", STAMP) for number in range(MOST_LISTED + 5)]
    text = render_start_page(pages, today="leaderboard", stored="index.html")
    assert text.count('">A</a>') == MOST_LISTED
    assert "The newest 1,000 of 1,005 pages." in text
    assert 'href="index.html"' in text


def test_a_refusal_says_its_words_and_leads_back():
    text = render_refusal("No such page", "a < b")
    assert "<title>No such page</title>" in text
    assert "a &lt; b" in text
    assert '<a href="/">Start page</a>' in text
