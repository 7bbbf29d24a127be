package spreadsheet

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// headSize is how many bytes from a file's beginning are looked at to find out what it is.
const headSize = 64 << 10

const (
	acceptedText = "save it as CSV UTF-8, as an Excel workbook (.xlsx), or as NDJSON, an object on each line"
	acceptedBook = "save it as an Excel workbook (.xlsx) or as CSV UTF-8"
)

// binaryFormat tells XLSX from text, and refuses what is neither as far as its first bytes tell. A format that is wanted must
// be what is there.
func binaryFormat(head []byte, want Format) (Format, error) {
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	isZip := starts("PK\x03\x04") || starts("PK\x05\x06")
	switch {
	case len(head) == 0:
		return want, &Error{Detail: "The file is empty: a header and a row for each user are needed."}
	case starts("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
		return want, &Error{Detail: oldWorkbook(head)}
	case starts("%PDF"), starts("{\\rtf"), starts("\x1f\x8b"), starts("7z\xbc\xaf"), starts("Rar!"):
		return want, &Error{Detail: "The file is a document or an archive, not a table: " + acceptedText + "."}
	case isZip && (want == CSV || want == NDJSON):
		return want, &Error{Detail: "The file is a workbook or an archive, not " + want.String() + ": say xlsx, or " + acceptedText + "."}
	case isZip:
		return XLSX, nil
	case want == XLSX:
		return want, &Error{Detail: "The file is no XLSX workbook: " + acceptedBook + "."}
	}
	return want, nil
}

// oldWorkbook says what a file is that Microsoft's compound format holds.
func oldWorkbook(head []byte) string {
	if bytes.Contains(head, wide("EncryptedPackage")) {
		return "The workbook is protected by a password: take the password off (File, Info, Protect Workbook), and " + acceptedBook + "."
	}
	if bytes.Contains(head, wide("Workbook")) || bytes.Contains(head, wide("Book")) {
		return "The file is in the format of Excel 97 (.xls): " + acceptedBook + "."
	}
	return "The file is a workbook protected by a password, or in the format of Excel 97 (.xls): take the password off, and " + acceptedBook + "."
}

// wide is ASCII as UTF-16LE.
func wide(text string) []byte {
	var b []byte
	for _, c := range []byte(text) {
		b = append(b, c, 0)
	}
	return b
}

// textFormat tells CSV from NDJSON by the text's beginning, and refuses other text that is mistaken for a table.
func textFormat(head []byte, want Format) (Format, error) {
	if want != Auto {
		return want, nil
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("{")):
		return NDJSON, nil
	case bytes.HasPrefix(head, []byte("[")):
		return want, &Error{Row: 1, Detail: "The file is a JSON array: write its objects without [ and ], each on a line of its own (NDJSON)."}
	case bytes.HasPrefix(head, []byte("<")):
		return want, &Error{Row: 1, Detail: "The file is HTML or XML, whatever its name ends in: open it in a spreadsheet, and " + acceptedBook + "."}
	}
	return CSV, nil
}

// The encodings that are found out, by their names in the WHATWG Encoding Standard.
const (
	encodingUTF8    = "utf-8"
	encodingUTF16LE = "utf-16le"
	encodingUTF16BE = "utf-16be"
)

// textEncoding finds out a text's encoding. whole says that head is all of it. A text in none that is known is refused, since a
// guess that is wrong would go unnoticed until somebody reads his name.
func textEncoding(head []byte, whole bool) (string, error) {
	if name := markedEncoding(head); name != "" {
		return name, nil
	}
	if name := unmarkedUTF16(head); name != "" {
		return name, nil
	}
	valid := validUTF8(head)
	if valid == len(head) || !whole && len(head)-valid < utf8.UTFMax && !utf8.FullRune(head[valid:]) {
		return encodingUTF8, nil
	}
	looks := "windows-1252, as Western European systems write it"
	if looksChinese(head) {
		looks = "gb18030, as Chinese systems write it"
	}
	return "", &Error{
		Row:  1 + bytes.Count(head[:valid], []byte("\n")),
		Byte: int64(valid) + 1,
		Detail: "From here on the file is not UTF-8. It looks like " + looks +
			": if it is, name that encoding; or save the file as CSV UTF-8.",
	}
}

// markedEncoding is what a byte order mark says, "" if there is none.
func markedEncoding(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		return encodingUTF8
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return encodingUTF16LE
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return encodingUTF16BE
	}
	return ""
}

// unmarkedUTF16 recognises UTF-16 by what is between words and cells in every script, which has a NUL in its upper byte.
func unmarkedUTF16(head []byte) string {
	if bytes.IndexByte(head, 0) < 0 {
		return ""
	}
	little, big, units := 0, 0, len(head)/2
	for i := 0; i+1 < len(head); i += 2 {
		switch {
		case head[i+1] == 0 && betweenWords(head[i]):
			little++
		case head[i] == 0 && betweenWords(head[i+1]):
			big++
		}
	}
	enough := 1 + units/64
	switch {
	case little >= enough && little > 4*big:
		return encodingUTF16LE
	case big >= enough && big > 4*little:
		return encodingUTF16BE
	}
	return ""
}

func betweenWords(c byte) bool { return strings.IndexByte("\r\n\t ,;|\"{:0123456789", c) >= 0 }

// validUTF8 is how many bytes from the beginning are UTF-8.
func validUTF8(text []byte) int {
	at := 0
	for at < len(text) {
		if text[at] < utf8.RuneSelf {
			at++
			continue
		}
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// looksChinese reports whether the bytes beyond ASCII mostly are pairs of GB 2312's Chinese characters. Western letters with
// accents mostly stand alone.
func looksChinese(text []byte) bool {
	pairs, others := 0, 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c < utf8.RuneSelf:
		case i+1 < len(text) && c >= 0xB0 && c <= 0xF7 && text[i+1] >= 0xA1 && text[i+1] <= 0xFE:
			pairs++
			i++
		default:
			others++
		}
	}
	return pairs > others
}
