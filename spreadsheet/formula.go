package spreadsheet

import "strings"

// formulaStarts are the characters with which a cell of CSV begins that spreadsheets run as a formula (OWASP, CSV Injection).
const formulaStarts = "=+-@\t\r"

// Escape makes of a text a cell of CSV that no spreadsheet runs as a formula: one that begins with = + - @ TAB or CR gets an
// apostrophe in front. So does one that begins with apostrophes before such a character: otherwise it could not be told from
// an escaped one. Any other apostrophe, as in 's-Gravenhage, is as good as a letter. [Unescape] undoes it for every text.
func Escape(text string) string {
	if escapable(text) {
		return "'" + text
	}
	return text
}

// Unescape takes off the apostrophe that Escape put in front.
func Unescape(cell string) string {
	if strings.HasPrefix(cell, "'") && escapable(cell) {
		return cell[1:]
	}
	return cell
}

// escapeTyped is Escape for cells that are typed as text: a formula needs no apostrophe there, but a text that looks escaped
// does. So a table saved as XLSX after it was read from CSV, with its apostrophes, means the same.
func escapeTyped(text string) string {
	if strings.HasPrefix(text, "'") {
		return Escape(text)
	}
	return text
}

// escapable reports whether a text is any number of apostrophes and one of formulaStarts, with whatever follows.
func escapable(text string) bool {
	text = strings.TrimLeft(text, "'")
	return text != "" && strings.IndexByte(formulaStarts, text[0]) >= 0
}
