package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"muster/api/native"
	"muster/spreadsheet"
)

// linkFlags say what a link is like.
type linkFlags struct {
	Life period `default:"72h" env:"-" placeholder:"TIME" help:"How long the link waits to be used, 1m to 30d."`
	siteFlag
}

// siteFlag says where pages are.
type siteFlag struct {
	Site string `env:"-" placeholder:"URL" help:"Where users reach the server, for links made while none runs, or in a database. A running server of a data folder knows."`
}

// address puts the site before a link of a process that does not know it.
func (f *siteFlag) address(link string) string {
	if strings.HasPrefix(link, "/") {
		return strings.TrimRight(f.Site, "/") + link
	}
	return link
}

type userLinkCmd struct {
	userArg
	linkFlags
}

func (c *userLinkCmd) Run(ctx context.Context, p *printer) error {
	return c.find(ctx, p, func(api *nativeClient, base string, u *native.User) error {
		var made native.Link
		body := native.NewLink{Life: time.Duration(c.Life).String()}
		if err := api.call(ctx, http.MethodPost, base+"/users/"+u.ID.String()+"/link", body, &made); err != nil {
			return err
		}
		made.Link = c.address(made.Link)
		return p.print(made, func(w io.Writer) {
			pairs(w, [2]string{"user", made.User.String()}, [2]string{"link", made.Link}, [2]string{"expires", stamp(made.ExpiresAt)})
		})
	})
}

type userResetCmd struct {
	userArg
	Generate     bool   `env:"-" xor:"password" help:"Make a password and print it."`
	PasswordFile string `env:"-" xor:"password" placeholder:"FILE" help:"File with the new password in its first line; - for standard input."`
	MustChange   bool   `env:"-" help:"Let the password only serve to set another."`
}

func (c *userResetCmd) Help() string {
	return "Without --generate and --password-file the password is taken away: only a link, see user link, lets the user in again. " +
		"His tokens and his link end in any case."
}

// resetAnswer is what a reset did.
type resetAnswer struct {
	User     string `json:"userId"`
	Password string `json:"password,omitempty"` // that was made
}

func (c *userResetCmd) Run(ctx context.Context, p *printer) error {
	body := native.NewPassword{MustChange: c.MustChange}
	switch {
	case c.Generate:
		body.Password = generatePassword()
	case c.PasswordFile != "":
		var err error
		if body.Password, err = readPassword("--password-file", c.PasswordFile, p.In); err != nil {
			return err
		}
	case c.MustChange:
		return usagef("--must-change needs a password to be changed: --generate or --password-file")
	}
	return c.find(ctx, p, func(api *nativeClient, base string, u *native.User) error {
		if err := api.call(ctx, http.MethodPut, base+"/users/"+u.ID.String()+"/password", body, nil); err != nil {
			return err
		}
		done := resetAnswer{User: u.ID.String()}
		if c.Generate {
			done.Password = body.Password
		}
		return p.print(done, func(w io.Writer) {
			rows := [][2]string{{"user", done.User}}
			if done.Password != "" {
				rows = append(rows, [2]string{"password", done.Password})
			}
			pairs(w, rows...)
		})
	})
}

// generatePassword makes one of 20 characters and 95 random bits, with all four kinds of characters that a rule can ask for.
func generatePassword() string {
	text := rand.Text()
	return text[:9] + "-" + strings.ToLower(text[9:18]) + "7"
}

// maxPasswordFile bounds a file with a password, in bytes: 1,024 characters of four bytes, and the line's end.
const maxPasswordFile = 4<<10 + 2

// readPassword reads the file that the flag names, or in if that is -.
func readPassword(flag, file string, in io.Reader) (string, error) {
	if file != "-" || in == nil {
		f, err := os.Open(file)
		if err != nil {
			return "", fmt.Errorf("%s: %w", flag, err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxPasswordFile+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 || len(line) > maxPasswordFile {
		return "", usagef("%s: a password of 1 to 1024 characters in the first line is accepted", flag)
	}
	return string(line), nil
}

type batchLinksCmd struct {
	batchFlags
	linkFlags
	All bool   `env:"-" help:"Also for users who have a password: their links reset it."`
	Out string `env:"-" required:"" type:"path" placeholder:"FILE" help:"CSV file to be made, for its owner alone; - for standard output."`
}

func (c *batchLinksCmd) Help() string {
	return "Makes a one-time link for each user of the batch's rows that succeeded and who has no password, and writes them to a CSV file: " +
		"row, userId, subject, link, expiresAt. A cell that a spreadsheet would take for a formula, as it does with +27..., has an apostrophe " +
		"before it. Whoever has a link can become its user. Run it again and the links made before end."
}

func (c *batchLinksCmd) Run(ctx context.Context, p *printer) error {
	return c.call(ctx, p, func(api *nativeClient, batch string) (err error) {
		out := p.Out
		if c.Out != "-" {
			file, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return refused{fmt.Errorf("%s exists, and is not overwritten: name another file with --out", c.Out)}
			}
			if err != nil {
				return err
			}
			defer closing(file.Close, &err)
			out = file
		}
		made, err := c.write(ctx, api, batch, csv.NewWriter(out))
		if err == nil {
			_, err = fmt.Fprintf(p.Err, "%d links made\n", made)
		}
		return err
	})
}

// write makes links a page at a time, and writes each page before the next is asked for.
func (c *batchLinksCmd) write(ctx context.Context, api *nativeClient, batch string, w *csv.Writer) (made int, err error) {
	if err := w.Write([]string{"row", "userId", "subject", "link", "expiresAt"}); err != nil {
		return 0, err
	}
	body := native.NewLinks{From: 1, Life: time.Duration(c.Life).String(), All: c.All}
	for body.From != 0 {
		var page native.RowLinks
		if err := api.call(ctx, http.MethodPost, batch+"/links", body, &page); err != nil {
			return made, err
		}
		for i := range page.Links {
			l := &page.Links[i]
			cells := []string{
				strconv.Itoa(l.Row), l.User.String(), spreadsheet.Escape(l.Subject), c.address(l.Link.Link), l.ExpiresAt.UTC().Format(time.RFC3339),
			}
			if err := w.Write(cells); err != nil {
				return made, err
			}
		}
		w.Flush()
		if err := w.Error(); err != nil {
			return made, err
		}
		made += len(page.Links)
		if page.Next == body.From { // its rows have no outcomes yet
			return made, unavailable{errors.New("the batch is not finished: run this again when it is")}
		}
		body.From = page.Next
	}
	return made, nil
}
