package spreadsheet

import (
	"encoding/xml"
	"math"
	"strconv"
	"strings"
	"time"
)

// numberFormat is how a style shows numbers, as far as it matters here.
type numberFormat struct {
	kind  formatKind
	zeros uint8 // digits to which a number is filled up with zeros; 0 and 1 fill nothing up
}

type formatKind uint8

const (
	formatGeneral formatKind = iota // up to 11 digits, and more as 1.88E+12
	formatDigits                    // all digits
	formatDate                      // a date or a time
	formatOther                     // whatever else: percent, fractions, digits with texts between
)

// What spreadsheets keep and show of a number.
const (
	generalDigits = 11 // of a whole number in the format General
	exactDigits   = 15 // of any number: further ones became zeros when it was typed
)

// readStyles reads how each style shows numbers.
func (b *workbook) readStyles() error {
	name, found := firstOf(b.related, "styles")
	if !found {
		return nil
	}
	const most = 1 << 16 // styles; Excel has some fewer
	codes := map[string]string{}
	within := false
	return b.each(name, func(e *xml.StartElement) error {
		switch e.Name.Local {
		case "numFmt":
			if len(codes) < most {
				codes[attribute(e, "numFmtId")] = attribute(e, "formatCode")
			}
		case "cellXfs":
			within = true
		case "cellStyles", "dxfs":
			within = false
		case "xf":
			if !within {
				return nil
			}
			if len(b.formats) == most {
				return damaged(name)
			}
			id := attribute(e, "numFmtId")
			code, custom := codes[id]
			if !custom {
				b.formats = append(b.formats, builtInFormat(id))
				return nil
			}
			b.formats = append(b.formats, parseFormat(code))
		}
		return nil
	})
}

// builtInFormat is a format that has a number alone (ECMA-376 part 1, section 18.8.30). Those from 27 on depend on the
// language of who looks at it, and are dates in some.
func builtInFormat(id string) numberFormat {
	n, err := strconv.Atoi(id)
	switch {
	case err != nil, n == 0, n == 49: // 49 is text: of a number that was there before, it shows what General does
		return numberFormat{kind: formatGeneral}
	case n >= 1 && n <= 4, n >= 37 && n <= 40:
		return numberFormat{kind: formatDigits}
	case n >= 14 && n <= 22, n >= 27 && n <= 36, n >= 45 && n <= 47, n >= 50 && n <= 58, n >= 71 && n <= 81:
		return numberFormat{kind: formatDate}
	default:
		return numberFormat{kind: formatOther}
	}
}

// parseFormat reads a format code (ECMA-376 part 1, section 18.8.31), of which the first section is for positive numbers.
func parseFormat(code string) numberFormat {
	digits, zeros := 0, 0
	for i := 0; i < len(code) && code[i] != ';'; i++ {
		switch c := code[i] | 0x20; {
		case code[i] == '0':
			digits, zeros = digits+1, zeros+1
		case code[i] == '#', code[i] == '?':
			digits++
		case code[i] == '.': // what follows are decimals, of which a whole number has none
			return afterDigits(code[i+1:], filledUp(zeros))
		case code[i] == ',' && (i+1 == len(code) || strings.IndexByte("0#?", code[i+1]) < 0): // shows thousands
			return numberFormat{kind: formatOther}
		case code[i] == ',', code[i] == ' ':
		case code[i] == '_', code[i] == '*': // room as wide as a character, or filled with it
			i++
		case code[i] == '\\' && strings.HasPrefix(code[i+1:], " "):
			i++
		case code[i] == '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return numberFormat{kind: formatOther}
			}
			if kind := bracket(code[i+1 : i+end]); kind != formatGeneral {
				return numberFormat{kind: kind}
			}
			i += end
		case strings.EqualFold(code[i:min(len(code), i+len("General"))], "General"):
			return numberFormat{kind: formatGeneral}
		case code[i] == '@':
			return numberFormat{kind: formatGeneral}
		case strings.IndexByte("ymdhs", c) >= 0 && digits == 0:
			return numberFormat{kind: formatDate}
		default:
			return literal(code[i:])
		}
	}
	if digits == 0 {
		return numberFormat{kind: formatOther}
	}
	return filledUp(zeros)
}

// filledUp is a format of digits that shows so many at least.
func filledUp(zeros int) numberFormat {
	if zeros > exactDigits {
		return numberFormat{kind: formatOther}
	}
	return numberFormat{formatDigits, uint8(zeros)}
}

// afterDigits is the format, if nothing but digits and room follows its decimal point.
func afterDigits(rest string, f numberFormat) numberFormat {
	if after := parseFormat("#" + rest); after.kind != formatDigits {
		return after
	}
	return f
}

// literal is the format of a code that shows a text: a date if one of its parts follows, as it does in 2024"年"m"月".
func literal(code string) numberFormat {
	quoted := false
	for i := 0; i < len(code) && (quoted || code[i] != ';'); i++ {
		switch {
		case code[i] == '"':
			quoted = !quoted
		case quoted:
		case code[i] == '\\', code[i] == '_', code[i] == '*':
			i++
		case strings.IndexByte("ymdhs", code[i]|0x20) >= 0:
			return numberFormat{kind: formatDate}
		}
	}
	return numberFormat{kind: formatOther}
}

// bracket is the kind of format that [...] makes: formatGeneral if it changes nothing, as a colour or a language.
func bracket(inside string) formatKind {
	switch {
	case inside == "":
		return formatOther
	case strings.Trim(inside, "hH") == "", strings.Trim(inside, "mM") == "", strings.Trim(inside, "sS") == "": // time passed
		return formatDate
	case strings.HasPrefix(inside, "$-"), !strings.ContainsAny(inside[:1], "$<>="):
		return formatGeneral
	default:
		return formatOther
	}
}

// number gives the text of a cell that holds a number: its digits, if what is stored is what people see.
func (b *workbook) number(stored, style string) Cell {
	cell := Cell{Text: stored, Number: true}
	value, err := strconv.ParseFloat(stored, 64)
	if err != nil || strings.Trim(stored, "+-.0123456789eE") != "" || math.IsInf(value, 0) {
		cell.Text, _ = fit(stored)
		cell.Fault = &Fault{ReasonNumber, "The cell should hold a number, and does not: " + textColumn + "."}
		return cell
	}
	format := b.format(style)
	if format.kind == formatDate {
		cell.Text = b.from.date(value)
		cell.Fault = &Fault{ReasonDate, "The cell holds a date, which spreadsheets store as a number: " + textColumn + "."}
		return cell
	}
	digits := strconv.FormatFloat(math.Abs(value), 'f', 0, 64)
	switch whole := value == math.Trunc(value); {
	case whole && format.kind == formatGeneral && len(digits) <= generalDigits, whole && format.kind == formatDigits && len(digits) <= exactDigits:
		cell.Text = sign(value) + strings.Repeat("0", max(0, int(format.zeros)-len(digits))) + digits
	case whole && format.kind == formatOther:
		cell.Text = strconv.FormatFloat(value, 'E', -1, 64)
		cell.Fault = &Fault{ReasonNumber, "The cell holds a number that is shown otherwise than it is stored: " + textColumn + "."}
	case whole:
		cell.Text = strconv.FormatFloat(value, 'E', -1, 64)
		cell.Fault = &Fault{ReasonNumber, "A spreadsheet turned a long number, such as a phone, into one like 1.88E+12, of which digits, zeros or a + may be lost: " + textColumn + "."}
	default:
		cell.Text = strconv.FormatFloat(value, 'f', -1, 64)
		cell.Fault = &Fault{ReasonNumber, "The cell holds a number that is not whole: " + textColumn + "."}
	}
	return cell
}

// format is that of a cell's style, the first where it names none.
func (b *workbook) format(style string) numberFormat {
	if style == "" {
		style = "0"
	}
	if i, err := strconv.ParseUint(style, 10, 16); err == nil && int(i) < len(b.formats) {
		return b.formats[i]
	}
	return numberFormat{}
}

func sign(value float64) string {
	if value < 0 {
		return "-"
	}
	return ""
}

// epoch is where a workbook counts its days from.
type epoch uint8

const (
	epoch1900 epoch = iota // day 1 is 1 January 1900, and there is a 29 February of that year
	epoch1904              // day 0 is 1 January 1904
)

// date writes a stored date as ISO 8601, with the time if it has one.
func (e epoch) date(days float64) string {
	const most = 2_958_466 // the last day is 31 December 9999
	if days < 0 || days >= most {
		return strconv.FormatFloat(days, 'f', -1, 64)
	}
	whole, part := math.Modf(days)
	first := time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case e == epoch1904:
		first = time.Date(1904, time.January, 1, 0, 0, 0, 0, time.UTC)
	case whole < 60:
		first = first.AddDate(0, 0, 1)
	}
	at := first.AddDate(0, 0, int(whole)).Add(time.Duration(math.Round(part*86_400)) * time.Second)
	switch {
	case part == 0:
		return at.Format(time.DateOnly)
	case whole == 0:
		return at.Format(time.TimeOnly)
	default:
		return at.Format("2006-01-02T15:04:05")
	}
}
