package spreadsheet

import (
	"archive/zip"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

const (
	maxDepth = 64      // elements within each other in a part; no schema of ECMA-376 that is read here has half of that
	maxToken = 1 << 20 // bytes of a text between two tags; the longest cell with every character escaped has less
	maxTag   = 64 << 10
)

// part reads the XML of one part of a workbook. encoding/xml bounds neither how deep elements are nested nor how large a tag
// is, and makes of either many times its size in memory.
type part struct {
	name  string
	zip   io.ReadCloser
	in    *partInput
	xml   *xml.Decoder
	depth int
}

// openPart opens a part. left is how many bytes all parts may still have together.
func openPart(file *zip.File, left *int64) (*part, error) {
	r, err := file.Open()
	if err != nil {
		return nil, damaged(file.Name)
	}
	in := &partInput{r: r, left: left}
	return &part{name: file.Name, zip: r, in: in, xml: xml.NewDecoder(in)}, nil
}

func (p *part) close() { _ = p.zip.Close() }

// next gives the next token, and [io.EOF] at the end of a part that is sound. A token is good until the next.
func (p *part) next() (xml.Token, error) {
	p.in.token = 0
	token, err := p.xml.Token()
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.Is(p.in.err, errUnzipped):
		return nil, tooLarge()
	case errors.Is(p.in.err, errTag):
		return nil, &Error{Detail: "The workbook has a text or a tag that is too long, in " + partName(p.name) + ": save the table anew, without anything else."}
	case err != nil:
		return nil, damaged(p.name)
	}
	switch token.(type) {
	case xml.StartElement:
		if p.depth++; p.depth > maxDepth || p.in.token > maxTag {
			return nil, damaged(p.name)
		}
	case xml.EndElement:
		p.depth--
	case xml.Directive: // a document type; ECMA-376 part 2, section 8.1.4 has none
		return nil, damaged(p.name)
	}
	return token, nil
}

// elements calls each for every element that begins, until the part ends.
func (p *part) elements(each func(*xml.StartElement) error) error {
	for {
		token, err := p.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok {
			if err := each(&start); err != nil {
				return err
			}
		}
	}
}

// text appends the text of the element whose start was read, up to its end.
func (p *part) text(text []byte) ([]byte, error) {
	for outside := p.depth - 1; p.depth > outside; {
		token, err := p.next()
		if err != nil {
			return text, endless(err, p.name)
		}
		if t, ok := token.(xml.CharData); ok {
			text = append(text, t...)
		}
	}
	return text, nil
}

// skip reads up to the end of the element whose start was read.
func (p *part) skip() error {
	for outside := p.depth - 1; p.depth > outside; {
		if _, err := p.next(); err != nil {
			return endless(err, p.name)
		}
	}
	return nil
}

// endless makes an end within an element an error.
func endless(err error, name string) error {
	if errors.Is(err, io.EOF) {
		return damaged(name)
	}
	return err
}

// attribute is an element's attribute in no name space, "" if there is none.
func attribute(e *xml.StartElement, name string) string {
	for i := range e.Attr {
		if a := &e.Attr[i]; a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// attributeTrue reports whether an attribute is a true xsd:boolean.
func attributeTrue(e *xml.StartElement, name string) bool {
	value := attribute(e, name)
	return value == "1" || strings.EqualFold(value, "true")
}

var (
	errUnzipped = errors.New("too much unzipped")
	errTag      = errors.New("too long a token")
)

// partInput counts what is unzipped, whatever the archive says of it.
type partInput struct {
	r      io.Reader
	buffer [8 << 10]byte
	at, n  int
	left   *int64 // of all parts together
	token  int    // bytes since the last token
	err    error
}

// ReadByte lets encoding/xml read no further than it needs, so that token is what it says.
func (p *partInput) ReadByte() (byte, error) {
	if p.at == p.n && !p.fill() {
		return 0, p.err
	}
	if p.token++; p.token > maxToken {
		p.err = errTag
		return 0, p.err
	}
	c := p.buffer[p.at]
	p.at++
	return c, nil
}

func (p *partInput) fill() bool {
	p.at, p.n = 0, 0
	for p.n == 0 && p.err == nil {
		p.n, p.err = p.r.Read(p.buffer[:])
	}
	if *p.left -= int64(p.n); *p.left < 0 {
		p.err = errUnzipped
		return false
	}
	return p.n > 0
}

// Read is there because encoding/xml asks for it.
func (p *partInput) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	c, err := p.ReadByte()
	if err != nil {
		return 0, err
	}
	b[0] = c
	return 1, nil
}
