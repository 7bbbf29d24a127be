package spreadsheet

import (
	"bufio"
	"errors"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"
)

// openText opens CSV or NDJSON. head is what in has first.
func openText(in *bufio.Reader, head []byte, o *Options, layout *Layout) (table, error) {
	text, name, err := decodeText(in, head, o.Encoding)
	if err != nil {
		return nil, err
	}
	layout.Encoding = name
	if head, err = text.Peek(headSize); err != nil && !errors.Is(err, io.EOF) {
		return nil, reading(err)
	}
	if layout.Format, err = textFormat(head, o.Format); err != nil {
		return nil, err
	}
	if layout.Format == NDJSON {
		return openNDJSON(text, head)
	}
	return openCSV(text, head, o.Delimiter, layout)
}

// decodeText gives a text as UTF-8 without a byte order mark, and its encoding's name. Bytes that are none in the encoding
// become U+FFFD, or stay as they are where it is UTF-8.
func decodeText(in *bufio.Reader, head []byte, label string) (*bufio.Reader, string, error) {
	name := markedEncoding(head)
	var err error
	switch {
	case name != "":
	case label == "":
		name, err = textEncoding(head, len(head) < headSize)
	default:
		name, err = canonicalEncoding(label)
	}
	if err != nil {
		return nil, "", err
	}
	text := in
	if name != encodingUTF8 {
		decoder, err := decoder(name)
		if err != nil {
			return nil, "", err
		}
		text = bufio.NewReaderSize(transform.NewReader(in, decoder), headSize)
	}
	const mark = "\ufeff"
	if front, err := text.Peek(len(mark)); err == nil && string(front) == mark {
		_, _ = text.Discard(len(mark))
	}
	return text, name, nil
}

func canonicalEncoding(label string) (string, error) {
	e, err := htmlindex.Get(label)
	if err != nil {
		return "", errUnknownEncoding()
	}
	name, err := htmlindex.Name(e)
	if err != nil || name == "replacement" || name == "x-user-defined" {
		return "", errUnknownEncoding()
	}
	return name, nil
}

func errUnknownEncoding() error {
	return &Error{Detail: "The encoding that is named is not known: names of the WHATWG Encoding Standard are, such as utf-8, utf-16le, windows-1252 and gb18030."}
}

func decoder(name string) (*encoding.Decoder, error) {
	e, err := htmlindex.Get(name)
	if err != nil {
		return nil, errUnknownEncoding()
	}
	return e.NewDecoder(), nil
}
