"""Tell that characters are read as they were written, or the row says that they are not."""

from __future__ import annotations

import codecs
import gzip
import json
from pathlib import Path

import pytest

from tilth.connectors._files.charset import guess
from tilth.connectors.files import Files
from tilth.core.errors import DataError

SIMPLIFIED = [
    "尊敬的客服，我上周买的耳机到现在还没有发货，请问什么时候可以寄出？",
    "你们的应用昨天更新以后一直打不开，已经卸载重装了三次，还是不行。",
    "我想取消会员，但是在设置里找不到取消的地方，能帮我处理一下吗？",
    "收到的商品有划痕，包装也坏了，希望可以换货或者退款，谢谢。",
]
TRADITIONAL = [
    "您好，我上個月訂的書到現在還沒有收到，請問是不是寄丟了？",
    "帳單上的金額和我看到的價格不一樣，可以幫我確認一下嗎？",
    "我想更改送貨地址，但是網站一直顯示錯誤，請盡快處理，謝謝。",
    "這個產品用了兩天就壞了，我要求退款，並且希望你們說明原因。",
]
FRENCH = [
    "Ma commande n’est toujours pas arrivée, et le numéro de suivi ne fonctionne pas.",
    "Le câble livré est abîmé : je voudrais être remboursé dès que possible.",
    "Où puis-je télécharger la facture du mois de février ? Merci d’avance.",
]
GERMAN = [
    "Die Lieferung kam verspätet an, und das Gehäuse ist beschädigt.",
    "Könnten Sie mir bitte erklären, weshalb die Gebühr erhöht wurde?",
    "Ich möchte das Abonnement kündigen, finde aber keine Schaltfläche dafür.",
]


def table(texts: list[str], times: int = 1) -> str:
    return "id,text\n" + "".join(f'{number},"{text}"\n' for number, text in enumerate(texts * times))


@pytest.mark.parametrize(
    ("texts", "codec"),
    [(SIMPLIFIED, "gb18030"), (SIMPLIFIED, "gbk"), (TRADITIONAL, "big5"), (FRENCH, "cp1252"), (GERMAN, "cp1252")],
)
@pytest.mark.parametrize("times", [1, 40])
def test_other_encodings_are_recognised_and_said(read, texts, codec, times):
    raw = table(texts, times).encode(codec)
    found = read("tickets.csv", raw)
    assert found.column("text") == texts * times
    first = next(place for place, byte in enumerate(raw) if byte > 127)
    named = {"gbk": "gb18030"}.get(codec, codec)
    assert found.notes == [f"tickets.csv: read as {named} (not UTF-8 from byte {first} on)"]


@pytest.mark.parametrize("texts", [SIMPLIFIED, TRADITIONAL])
def test_one_line_of_chinese_is_enough(texts):
    codec = "gb18030" if texts is SIMPLIFIED else "big5"
    assert [guess([text.encode(codec)]) for text in texts] == [codec] * len(texts)


def test_other_languages_are_not_taken_for_chinese():
    assert guess(["Все люди рождаются свободными и равными в своем достоинстве и правах.".encode("cp1251")]) == "cp1251"
    assert guess(["すべての人間は、生まれながらにして自由であり、かつ平等である。".encode("cp932")]) == "cp932"
    assert guess(["모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.".encode("cp949")]) == "cp949"
    assert guess(["Přijde objednávka ještě dnes, nebo až zítra?".encode("cp1250")]) == "cp1250"
    assert guess(["Jó napot, őrült késés, köszönöm a segítséget: fűtő".encode("cp1250")]) == "cp1250"
    assert guess(["Siparişim hâlâ gelmedi, ne zaman ulaşacağını öğrenebilir miyim?".encode("cp1254")]) == "cp1254"
    polish = "Zażółć gęślą jaźń. Proszę o zwrot pieniędzy, ponieważ przesyłka nie dotarła na czas."
    assert guess([polish.encode("cp1250")]) == "cp1250"


def test_a_few_broken_bytes_reject_their_rows_and_leave_utf8_alone(read):
    lines = table(SIMPLIFIED, 600).encode().split(b"\n")
    lines[1000] = lines[1000][:-3] + b"\xff\xfe" + lines[1000][-3:]
    lines[2001] = lines[2001].replace(b'"', b'"\xc3\x28', 1)
    found = read("a.csv", b"\n".join(lines))
    assert len(found.rows) == 2398
    assert set(found.reasons()) == {999, 2000}
    assert all(reason.startswith("not utf-8 at byte") for reason in found.reasons().values())
    assert found.notes == []


def test_one_broken_line_in_ten_of_utf8_is_no_reason_to_guess(read):
    lines = table(SIMPLIFIED, 3).encode().split(b"\n")
    lines[2] = lines[2][:10] + b"\xff" + lines[2][10:]
    found = read("a.csv", b"\n".join(lines))
    assert (len(found.rows), len(found.rejects)) == (11, 1)


def test_a_broken_line_in_other_encodings_is_rejected_too(read):
    lines = table(SIMPLIFIED, 50).encode("gb18030").split(b"\n")
    lines[7] = lines[7][:10] + b"\xff\xff\xff" + lines[7][10:]
    found = read("a.csv", b"\n".join(lines))
    assert (len(found.rows), len(found.rejects)) == (199, 1)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_with_a_mark_are_read(read, codec):
    marks = {"utf-16-le": codecs.BOM_UTF16_LE, "utf-16-be": codecs.BOM_UTF16_BE}
    marks |= {"utf-32-le": codecs.BOM_UTF32_LE, "utf-32-be": codecs.BOM_UTF32_BE}
    texts = [*SIMPLIFIED, "😀 ok"]
    found = read("a.csv", marks[codec] + table(texts, 3).encode(codec))
    assert found.column("text") == texts * 3
    assert found.notes == [f"a.csv: read as {codec} (its first bytes)"]


def test_wide_encodings_without_a_mark_are_seen_by_their_zeros(read):
    found = read("a.csv", table(GERMAN).encode("utf-16-le"))
    assert found.column("text") == GERMAN


def test_a_broken_character_in_utf16_rejects_its_row(read):
    raw = codecs.BOM_UTF16_LE + "a,b\n1,x\n2,".encode("utf-16-le") + b"\x00\xd8" + "\n3,y\n".encode("utf-16-le")
    found = read("a.csv", raw)
    assert found.column("b") == ["x", "y"]
    assert list(found.reasons()) == [1]


def test_a_stray_byte_in_a_short_file_rejects_its_row(read):
    found = read("a.csv", b"a,b\n1,x\n2,y \xb8;\n3,z\n4,w\n")
    assert (found.column("b"), list(found.reasons())) == (["x", "z", "w"], [1])


def test_one_accent_in_a_word_is_enough_for_cp1252(read):
    assert read("a.csv", "a,b\n1,x\n2,un café\n".encode("cp1252")).column("b") == ["x", "un café"]
    assert read("b.csv", "a,b\n1,x\n2,la détresse\n".encode("cp1252")).column("b") == ["x", "la détresse"]


def test_the_encoding_option_is_obeyed(read):
    raw = table(FRENCH).encode("cp1250", "replace")
    assert read("a.csv", raw, encoding="latin-1").notes == []
    assert read("b.csv", table(GERMAN).encode("cp500"), encoding="cp500").column("text") == GERMAN
    assert read("c.csv", b"\xef\xbb\xbf" + table(GERMAN).encode(), encoding="utf-8").column("text") == GERMAN
    wide = codecs.BOM_UTF16_BE + table(GERMAN).encode("utf-16-be")
    assert read("d.csv", wide, encoding="utf-16").column("text") == GERMAN


def test_bytes_that_are_no_text_are_an_error_or_rejects(read):
    raw = bytes(range(128, 256)) * 3 + b"\n"
    with pytest.raises(DataError, match=r"a\.txt"):
        read("a.txt", (raw + b"\x81\x8d\x8f\x90\x9d\xff\xff\n") * 50)


@pytest.mark.slow
def test_a_large_file_is_looked_at_in_the_middle_and_at_the_end(tmp_path: Path, read_all):
    path = tmp_path / "a.csv"
    tail = "".join(f"2,{text}\n" for text in SIMPLIFIED * 300).encode("gb18030")
    path.write_bytes(b"id,text\n" + b"1,plain\n" * 300_000 + tail)
    assert path.stat().st_size > 2 << 20
    found = read_all(Files(path=str(path)))
    assert found.column("text")[-1200:] == SIMPLIFIED * 300
    assert found.rejects == []


@pytest.mark.slow
def test_one_very_long_line_of_utf8_is_no_reason_to_guess(read):
    rows = json.dumps([{"text": text} for text in SIMPLIFIED * 20_000], ensure_ascii=False)
    found = read("a.json", rows)
    assert found.notes == []
    assert len(found.rows) == 80_000


def test_a_compressed_file_is_guessed_from_its_head(read):
    found = read("a.csv.gz", gzip.compress(table(TRADITIONAL, 30).encode("big5")))
    assert found.column("text") == TRADITIONAL * 30


@pytest.mark.shared
def test_real_chinese_in_gb18030_comes_back_as_it_was(shared: Path, read):
    lines = (shared / "zh_thucnews_dev" / "dev.txt").read_text(encoding="utf-8")
    found = read("a.txt", lines.encode("gb18030"), format="text")
    assert found.column("text") == [line for line in lines.split("\n") if line.strip()]
    assert found.rejects == []


@pytest.mark.shared
def test_real_german_in_cp1252_comes_back_as_it_was(shared: Path, read):
    articles = json.loads((shared / "xquad" / "xquad.de.json").read_text(encoding="utf-8"))["data"]
    texts = [paragraph["context"] for article in articles for paragraph in article["paragraphs"]]
    kept = [text for text in texts if text.encode("cp1252", "ignore").decode("cp1252") == text and "\n" not in text]
    found = read("a.txt", "\n".join(kept).encode("cp1252"), format="text")
    assert len(kept) > 150
    assert found.column("text") == kept
