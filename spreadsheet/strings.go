package spreadsheet

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
)

// sharedStrings are the texts to which cells refer by number. They lie one after the other: there may be many millions of
// empty ones in a hostile file.
type sharedStrings struct {
	all  []byte
	ends []uint32
}

// get gives a text, a copy of its own.
func (s *sharedStrings) get(index string) (string, bool) {
	i, err := strconv.ParseUint(index, 10, 32)
	if err != nil || i >= uint64(len(s.ends)) {
		return "", false
	}
	begin := uint32(0)
	if i > 0 {
		begin = s.ends[i-1]
	}
	return unescapeXML(string(s.all[begin:s.ends[i]])), true
}

// readStrings reads the texts that cells share, if they share any.
func (b *workbook) readStrings() error {
	name, found := firstOf(b.related, "sharedStrings")
	if !found {
		return nil
	}
	p, err := b.open(name)
	if err != nil {
		return err
	}
	defer p.close()
	s := &b.strings
	for {
		token, err := p.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "si" {
			if s.all, err = p.richText(s.all); err != nil {
				return err
			}
			s.ends = append(s.ends, uint32(len(s.all)))
		}
	}
}

// richText appends the text of an si or is element whose start was read: what is in t elements, also of runs, other than those
// that say how Chinese and Japanese are pronounced.
func (p *part) richText(text []byte) ([]byte, error) {
	for outside := p.depth - 1; p.depth > outside; {
		token, err := p.next()
		if err != nil {
			return text, endless(err, p.name)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "t":
			text, err = p.text(text)
		case "rPh":
			err = p.skip()
		}
		if err != nil {
			return text, err
		}
	}
	return text, nil
}

// unescapeXML undoes _xHHHH_, which stands for a character that XML cannot hold (ECMA-376 part 1, section 22.9.2.19).
func unescapeXML(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	var b strings.Builder
	for text != "" {
		unit, ok := escapedUnit(text)
		switch low, pair := escapedUnit(text[min(len(text), escapeSize):]); {
		case !ok:
			b.WriteByte(text[0])
			text = text[1:]
		case utf16.IsSurrogate(unit) && pair:
			if r := utf16.DecodeRune(unit, low); r != lost {
				b.WriteRune(r)
				text = text[2*escapeSize:]
				continue
			}
			fallthrough
		default:
			b.WriteRune(unit) // U+FFFD of half a character
			text = text[escapeSize:]
		}
	}
	return b.String()
}

const escapeSize = len("_xHHHH_")

// escapedUnit reads a unit of UTF-16 that a text begins with.
func escapedUnit(text string) (rune, bool) {
	if len(text) < escapeSize || text[:2] != "_x" || text[escapeSize-1] != '_' {
		return 0, false
	}
	unit, err := strconv.ParseUint(text[2:escapeSize-1], 16, 16)
	return rune(unit), err == nil
}
