package crashtest

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// row is one user of a list, and what must become of him.
type row struct {
	sent     map[string]any // as the request has it
	phone    string         // as the answer repeats it; "" if the phone itself cannot be read
	key      string         // the phone in the form by which users are told apart; "" if the row breaks a rule
	fault    string         // the field whose rule it breaks; "" if it breaks none
	password string         // "" if a user made of the row has none
}

// maker makes lists of rows. What must become of a row it knows from how it made it, and has no copy of the rules.
type maker struct {
	*rand.Rand
	firstname string  // of every user
	marker    string  // part of every password
	passwords float64 // how many of the lists in a hundred have passwords in them
	longest   int     // rows of a list, at most
	backlog   int     // rows of the last list, each with a password

	used   map[string]bool // keys
	recent []string        // the latest of them, for rows that are there already
}

const (
	maxRows = 1000 // of a list (KooDrive contract, section 1)

	recentKeys  = 200 // few enough that lists with the same phones are under way at once
	repeatShare = 8   // of a hundred rows, how many have a phone that was used before
	faultShare  = 4   // of a hundred rows, how many break a rule
)

func newMaker(r *rand.Rand, passwords float64) *maker {
	return &maker{
		Rand: r, firstname: "Ann", marker: word(r, 20), passwords: passwords, longest: maxRows, backlog: 100, used: map[string]bool{},
	}
}

// alphabet has letters and digits alone: they read the same in JSON, in a URL and in a log.
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// word is a random word with a letter of either case and a digit, the kinds of characters that a password needs.
func word(r *rand.Rand, length int) string {
	b := []byte("aA1")
	for len(b) < length {
		b = append(b, alphabet[r.IntN(len(alphabet))])
	}
	return string(b)
}

// lists makes lists of all sizes that have so many distinct valid phones together, and at the end a backlog: what takes the
// server a second or so.
func (m *maker) lists(users int) [][]row {
	var lists [][]row
	for len(m.used) < users-m.backlog {
		n := int(math.Exp(m.Float64() * math.Log(float64(m.longest+1))))
		switch len(lists) {
		case 0:
			n = m.longest
		case 1:
			n = 1
		}
		share := 0.0
		if m.Float64()*100 < m.passwords {
			share = 0.03
			if n <= 50 {
				share = 0.9
			}
		}
		lists = append(lists, m.list(n, users-m.backlog, share))
	}
	return append(lists, m.list(math.MaxInt, users, 1))
}

// list makes a list of n rows, or fewer if there are so many users before. share is how many of the rows have a password.
func (m *maker) list(n, users int, share float64) []row {
	var rows []row
	for len(rows) < n && len(m.used) < users {
		rows = append(rows, m.row(m.Float64() < share))
	}
	return rows
}

func (m *maker) row(password bool) row {
	r := row{sent: map[string]any{"firstname": m.firstname}}
	faulty := m.IntN(100) < faultShare
	key := m.key(!faulty)
	r.phone = m.notation(key)
	r.sent["phone"] = r.phone
	if m.IntN(20) == 0 && !strings.HasPrefix(key, "+") {
		r.phone = key
		r.sent["phone"] = json.Number(key) // an integer is taken as its digits
	}
	if m.IntN(2) == 0 {
		r.sent["surname"] = "Lee"
	}
	if m.IntN(3) == 0 {
		r.sent["email"] = fmt.Sprintf("m.%d@example.org", m.IntN(1_000_000))
	}
	if m.IntN(10) == 0 {
		r.sent["password"] = "" // is none
	}
	if password {
		r.password = fmt.Sprintf("%s.%d", m.marker, m.Uint32())
		r.sent["password"] = r.password
	}
	if faulty {
		m.spoil(&r)
	} else {
		r.key = key
	}
	return r
}

// key chooses a phone that is new, or sometimes one used before. One that is not kept stays new.
func (m *maker) key(keep bool) string {
	if len(m.recent) > 0 && m.IntN(100) < repeatShare {
		return m.recent[m.IntN(len(m.recent))]
	}
	for {
		key := fmt.Sprintf("%d", 10_000_000_000+m.Int64N(80_000_000_000))
		if m.IntN(3) == 0 {
			key = "+" + key
		}
		if m.used[key] {
			continue
		}
		if keep {
			m.used[key] = true
			if m.recent = append(m.recent, key); len(m.recent) > recentKeys {
				m.recent = m.recent[1:]
			}
		}
		return key
	}
}

// notation is one of the ways to write the phone.
func (m *maker) notation(key string) string {
	digits, international := strings.CutPrefix(key, "+")
	switch m.IntN(4) {
	case 0:
		digits = digits[:3] + " " + digits[3:7] + "-" + digits[7:]
	case 1:
		digits = digits[:5] + "-" + digits[5:]
	}
	switch {
	case !international:
		return digits
	case m.IntN(2) == 0:
		return "00" + digits
	default:
		return "+" + digits
	}
}

// spoil makes the row break a rule, in one of the ways there are.
func (m *maker) spoil(r *row) {
	digits := strings.NewReplacer(" ", "", "-", "", "+", "").Replace(r.phone)
	faults := []struct {
		field string
		value any // nil leaves the field out
	}{
		{"firstname", nil},
		{"firstname", " "},
		{"firstname", 7},
		{"firstname", "A\u0000nn"},
		{"surname", strings.Repeat("x", 65)},
		{"surname", []string{"Lee"}},
		{"phone", nil},
		{"phone", "1234"},
		{"phone", "1884609076404x"},
		{"phone", true},
		{"email", "ann"},
		{"password", m.marker + "." + digits},
		{"password", strings.Repeat(m.marker, 10)},
		{"password", []string{m.marker}},
		{"password", map[string]any{m.marker: m.marker}},
	}
	f := faults[m.IntN(len(faults))]
	r.fault = f.field
	r.sent[f.field] = f.value
	if f.value == nil {
		delete(r.sent, f.field)
	}
	if f.field == "phone" {
		r.phone = ""
	}
}
