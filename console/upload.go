package console

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"strings"
	"unicode/utf8"

	"muster"
	"muster/paced"
	"muster/provision"
	"muster/userfile"
)

// upload is a form whose file is read as it comes: nothing of it is ever stored, in memory or on a disk.
type upload struct {
	name  string    // the file's, as its sender calls it; "" if the rows were pasted
	file  io.Reader // of rows
	parts *multipart.Reader
}

// receive reads the form that the request is, hands its file to take, and reads what that leaves, so that a browser gets to read the
// answer. What was typed is then in f, and in the request's PostForm.
func (v *visit) receive(f *importForm, take func(*upload) error) error {
	conn := paced.New(v.w, v.r)
	body, err := conn.Body(userfile.MaxBytes + maxForm)
	if err != nil {
		return err
	}
	defer conn.Bound()
	u, err := v.fields(body)
	f.values, f.sent = v.r.PostForm, u != nil && u.name != ""
	if err == nil {
		err = take(u)
	}
	if _, broken := io.Copy(io.Discard, body); broken != nil && err == nil {
		return broken
	}
	return err
}

// fields reads a form up to its file.
func (v *visit) fields(body io.Reader) (*upload, error) {
	v.r.PostForm = url.Values{}
	kind, params, err := mime.ParseMediaType(v.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return nil, errForm
	}
	u := &upload{parts: multipart.NewReader(body, params["boundary"])}
	for left := int64(maxForm); ; {
		part, err := u.parts.NextPart()
		if err == io.EOF { //nolint:errorlint // a wrapped one is of a form that was cut off
			break
		}
		if err != nil {
			return nil, formError(err)
		}
		if part.FormName() == importFileField && part.FileName() != "" {
			u.name, u.file = part.FileName(), part
			break
		}
		text, err := io.ReadAll(io.LimitReader(part, left+1))
		if err != nil {
			return nil, formError(err)
		}
		if left -= int64(len(text)); left < 0 {
			return nil, &muster.Error{Kind: muster.KindInvalid, Field: importPastedField, Detail: "That is too much to be pasted: make it a file."}
		}
		v.r.PostForm.Add(part.FormName(), string(text))
	}
	rows := v.r.PostForm.Get(importPastedField)
	pasted := strings.TrimSpace(rows) != ""
	switch {
	case pasted && u.file != nil:
		return u, &muster.Error{Kind: muster.KindInvalid, Field: importPastedField, Detail: "There is a file as well: choose one, or paste rows."}
	case pasted:
		u.file = strings.NewReader(rows)
	case u.file == nil:
		return u, &muster.Error{Kind: muster.KindInvalid, Field: importFileField, Detail: "Choose a file, or paste rows."}
	}
	return u, nil
}

// formError is for a form that cannot be read, unless it is the connection that broke.
func formError(err error) error {
	switch {
	case errors.Is(err, paced.ErrTooLarge), errors.Is(err, paced.ErrTooSlow), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	default:
		return errForm
	}
}

// end makes sure that the form ends with its file: a field behind it would not have counted.
func (u *upload) end() error {
	if u.name == "" {
		return nil
	}
	switch _, err := u.parts.NextPart(); {
	case err == io.EOF: //nolint:errorlint // a wrapped one is of a form that was cut off
		return nil
	case err != nil:
		return formError(err)
	default:
		return errForm
	}
}

// batchName is what the batch is called: as the file, as far as that is a name.
func (u *upload) batchName(pasted string) string {
	name := strings.ToValidUTF8(u.name, "")
	for len(name) > provision.MaxName {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	if name == "" {
		return pasted
	}
	return name
}
