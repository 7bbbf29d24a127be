package spreadsheet

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Error is what is wrong with a file as a whole. Its text holds nothing of the file, other than the names of
// sheets and of a workbook's parts.
type Error struct {
	Row    int    // row in the file, from 1; 0 if it is none in particular
	Column string // letter of the column; "" if it is none in particular
	Byte   int64  // the byte's number in the file, from 1; 0 if it is not known
	Detail string // sentences that say what is wrong and what would be accepted
}

func (e *Error) Error() string {
	var at []string
	if e.Row > 0 {
		at = append(at, "row "+strconv.Itoa(e.Row))
	}
	if e.Column != "" {
		at = append(at, "column "+e.Column)
	}
	if e.Byte > 0 {
		at = append(at, "byte "+strconv.FormatInt(e.Byte, 10))
	}
	if len(at) == 0 {
		return e.Detail
	}
	return strings.Join(at, ", ") + ": " + e.Detail
}

// reading wraps an error of the reader that the file comes from.
func reading(err error) error { return fmt.Errorf("spreadsheet: reading the file: %w", err) }

// Reason is why a row or a cell cannot be used, in a word for programs.
type Reason string

// The reasons.
const (
	ReasonRagged    Reason = "ragged"     // a row with more or fewer cells than the header, or with some in no column
	ReasonQuotes    Reason = "quotes"     // CSV: a quote in the wrong place
	ReasonTooLong   Reason = "too-long"   // more than MaxCell characters, or NDJSON: a line of more than MaxLine bytes
	ReasonCharacter Reason = "character"  // bytes that are none in the file's encoding, U+FFFD, or NUL
	ReasonNumber    Reason = "number"     // a number of which digits were lost, or that is shown otherwise than it is stored
	ReasonDate      Reason = "date"       // a date, which spreadsheets store as a number
	ReasonFormula   Reason = "formula"    // XLSX: a formula, whose value depends on who looks at it
	ReasonErrorCell Reason = "error-cell" // XLSX: #N/A and others of the kind
	ReasonHidden    Reason = "hidden"     // XLSX: a row that nobody who looks at the file sees
	ReasonJSON      Reason = "json"       // NDJSON: a line that is no JSON object
	ReasonTwice     Reason = "twice"      // NDJSON: a name that occurs twice
	ReasonUnknown   Reason = "unknown"    // NDJSON: a name that the first rows do not have
	ReasonType      Reason = "type"       // NDJSON: a value of a kind that no cell can hold
)

// Fault is what is wrong with one row or cell.
type Fault struct {
	Reason Reason
	Detail string // sentences that say what would be accepted, without anything that the file holds
}

const textColumn = "format the column as text, and type the value again"

// checkText finds what no cell may hold, in any format. It cuts what is too long, so that it is seen to be cut: what was
// cut ends in a character that is not accepted again.
func checkText(text string) (string, *Fault) {
	switch fitting, fits := fit(text); {
	case !fits:
		return fitting, &Fault{ReasonTooLong, fmt.Sprintf("The cell has more than %d characters, which is the most that is accepted.", MaxCell)}
	case !utf8.ValidString(text) || strings.ContainsRune(text, lost):
		return text, &Fault{ReasonCharacter, "Characters of the cell were lost in a conversion of the file: save it as UTF-8, or name its encoding."}
	case strings.IndexByte(text, 0) >= 0:
		return text, &Fault{ReasonCharacter, "The cell holds a NUL character: take it out."}
	}
	return text, nil
}

// lost stands for a character that could not be converted, U+FFFD.
const lost = utf8.RuneError

// fit cuts a text to MaxCell characters, the last of which tells that it was cut.
func fit(text string) (string, bool) {
	if len(text) <= MaxCell {
		return text, true
	}
	units, end := 0, 0 // end is where at most MaxCell-1 are passed
	for i, r := range text {
		if units < MaxCell {
			end = i
		}
		if units++; r > 0xFFFF {
			units++
		}
	}
	if units <= MaxCell {
		return text, true
	}
	return text[:end] + string(lost), false
}

// checkSheetText is checkText, and finds long numbers that a spreadsheet has turned into another notation, such as 1.88E+12.
func checkSheetText(text string) (string, *Fault) {
	text, fault := checkText(text)
	if fault == nil && scientific(text) {
		fault = &Fault{ReasonNumber, "A spreadsheet turned a long number, such as a phone, into one like 1.88E+12, and its digits are lost: " + textColumn + "."}
	}
	return text, fault
}

// scientific reports whether a text is as spreadsheets show long numbers: 1.88E+12, or 1,88E+12 where decimals have commas.
func scientific(text string) bool {
	mantissa, exponent, found := strings.Cut(text, "E+")
	if !found || len(exponent) < 2 || len(exponent) > 3 || strings.Trim(exponent, "0123456789") != "" {
		return false
	}
	mantissa = strings.TrimPrefix(mantissa, "-")
	if len(mantissa) == 0 || mantissa[0] < '1' || mantissa[0] > '9' {
		return false
	}
	decimals := mantissa[1:]
	return decimals == "" || len(decimals) > 1 && (decimals[0] == '.' || decimals[0] == ',') && strings.Trim(decimals[1:], "0123456789") == ""
}
