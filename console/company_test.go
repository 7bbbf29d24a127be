package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"muster"
	"muster/access"
	"muster/console"
	"muster/directory"
	"muster/provision"
	"muster/webhook"
)

// company is a tenant as the documents show it: a group of clinics that has taken in people for a month.
type company struct {
	*bundle
	departments []muster.ID
	staff       *muster.User // of whom batches did more than one thing
	dry         muster.ID    // a dry run of which some rows would fail
	live        muster.ID    // a batch that goes on
	open        func()       // lets a turn in
}

// employee is the nth person of the company, no two of the first 1,600 having one name.
func (c *company) employee(n int) muster.Row {
	first := strings.Fields("Amara Ben Chiara Daniel Elif Farid Grace Hugo Ines Jonas Keiko Liam Mei Noah Olivia Pavel Quinn Rosa Samir Tomas Uma Victor " +
		"Wanda Ximena Yusuf Zoe Anika Bruno Celeste Dmitri Esther Felix Giulia Henrik Isla Jamal Katya Leon Marta Nils")
	last := strings.Fields("Okafor Larsen Moretti Weber Yilmaz Haddad Mbeki Fontaine Carvalho Lindqvist Tanaka Murphy Chen Adeyemi Brooks Novak Ryan Delgado " +
		"Nasser Horak Patel Sorensen Kowalska Torres Demir Papadaki Sharma Costa Laurent Volkov Cohen Bauer Ricci Dahl Stewart Diallo Petrova Vogel Silva Berg")
	given, family := first[n%len(first)], last[(n/len(first)+n)%len(last)]
	account := strings.ToLower(given + "." + family)
	return muster.Row{
		Action: muster.ActionCreate, Match: muster.KeyAccount, Account: account, FirstName: given, Surname: family, Email: account + "@aurora.example",
		Phone: fmt.Sprintf("+4720%06d", 104_729*(n+1)%1_000_000), Password: "Right horse 12", Department: c.departments[n%len(c.departments)], Allocate: true, CapacityGB: int64(1 + n%4),
		Set: muster.FieldAccount | muster.FieldFirstName | muster.FieldSurname | muster.FieldEmail | muster.FieldPhone | muster.FieldPassword |
			muster.FieldDepartment | muster.FieldCapacity,
	}
}

// employees are those from one number on to before another, the first ones with a mistake each.
func (c *company) employees(from, to, mistakes int) []muster.Row {
	var rows []muster.Row
	for n := from; n < to; n++ {
		row := c.employee(n)
		if i := n - from; i < mistakes {
			switch i % 4 {
			case 0:
				row.Phone = "ext. 4417"
			case 1:
				row.Email = strings.Replace(row.Email, "@", " at ", 1)
			case 2:
				row.Account = row.FirstName + " " + row.Surname
			default:
				row.Phone = "n/a"
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// newCompany makes it, with 32 days behind it.
func newCompany(t testing.TB) *company {
	t.Helper()
	c := &company{bundle: setup(t, func(c *console.Config) {
		c.Health = func(*http.Request) []console.Health {
			return []console.Health{{Name: "database", OK: true}, {Name: "disk", OK: true}, {Name: "master key", OK: true}}
		}
	})}
	c.renamed(t, c.tenant, "Harbour School")
	c.renamed(t, c.other, "Lakeside College")
	settings := muster.TenantSettings{UserLimit: 1200, PersonalSpaceGB: 2000, UniqueEmail: true}
	var err error
	c.tenant, _, err = c.config.Access.CreateTenant(t.Context(), access.NewTenant{Name: "Aurora Clinics", Settings: settings})
	must(t, err)
	for _, path := range []string{
		"Oslo/Emergency", "Oslo/Cardiology", "Oslo/Radiology", "Oslo/Nursing/Ward 1", "Oslo/Nursing/Ward 2", "Bergen/Surgery", "Bergen/Paediatrics",
		"Administration/Finance", "Administration/People", "Administration/IT",
	} {
		_, err := c.config.Departments.Import(t.Context(), c.tenant.ID, systemAdmin, []string{path})
		must(t, err)
		d, err := c.config.Departments.At(t.Context(), c.tenant.ID, systemAdmin, path)
		must(t, err)
		c.departments = append(c.departments, d.ID)
	}
	var roles []string
	for _, name := range []string{"Physician", "Nurse", "Reception", "Approves rosters", "IT support"} {
		roles = append(roles, c.newRole(t, c.tenant.ID, name).ID.String())
	}
	appID, _ := c.newCredential(t, c.tenant.ID, "HR system")
	c.newCredential(t, c.tenant.ID, "Badge office")
	c.begun(t, c.tenant, provision.Submission{Name: "all-staff.csv", Rows: c.employees(0, 380, 6)}, true)
	found, err := c.store.SearchUsers(t.Context(), c.tenant.ID, directory.UserSearch{By: directory.SearchAccount, Prefix: "keiko", Limit: 1})
	must(t, err)
	c.staff = &found.Users[0]
	hired := 380
	for day := range 32 {
		c.clock.Advance(24 * time.Hour)
		if weekday := c.clock.Now().Weekday(); weekday == time.Saturday || weekday == time.Sunday {
			continue
		}
		rows := c.employees(hired, hired+4+day*7%11, day%4)
		hired += len(rows)
		rows = append(rows, c.employees(hired-3-day%3, hired, 0)...) // sent twice
		rows = append(rows, c.renamings(40+day*53%170, day%9*7)...)
		change := muster.Row{Action: muster.ActionUpdate, Match: muster.KeyAccount, Account: c.staff.Account, Set: muster.FieldAccount}
		switch day {
		case 6:
			change.Set, change.DepartmentPath = change.Set|muster.FieldDepartment, "Oslo/Cardiology"
		case 17:
			change.Action = muster.ActionDisable
		case 19:
			change.Action = muster.ActionEnable
		case 25:
			change.Set, change.Phone = change.Set|muster.FieldPhone, "+47 20 771 204"
		case 27:
			change.Set, change.Roles = change.Set|muster.FieldRoles, roles[:1]
		default:
			change.Account = "nobody.known"
		}
		name := fmt.Sprintf("hr-%s.csv", c.clock.Now().Format(time.DateOnly))
		c.begun(t, c.tenant, provision.Submission{Name: name, AppID: appID, Rows: append(rows, change)}, true)
	}
	c.today(t, hired)
	return c
}

// today is what was done this morning, and what waits.
func (c *company) today(t testing.TB, hired int) {
	t.Helper()
	c.clock.Advance(7 * time.Hour)
	rows := append(c.employees(hired, hired+56, 5), c.employees(40, 52, 0)...)
	for n := 100; n < 109; n++ {
		row := c.employee(n)
		rows = append(rows, muster.Row{
			Action: muster.ActionUpdate, Match: muster.KeyAccount, Account: row.Account, Surname: row.Surname + "-Dahl", Set: muster.FieldAccount | muster.FieldSurname,
		})
	}
	rows = append(rows, muster.Row{Action: muster.ActionDisable, Match: muster.KeyAccount, Account: c.employee(77).Account, Set: muster.FieldAccount})
	c.dry = c.begun(t, c.tenant, provision.Submission{Name: "spring-intake.xlsx", DryRun: true, Rows: rows}, true)
	made, err := c.config.Webhooks.Create(t.Context(), c.tenant.ID, webhook.New{Name: "Badge office", URL: "https://badges.aurora.example/muster"})
	must(t, err)
	_, err = c.store.TestWebhook(t.Context(), c.tenant.ID, made.Hook.ID)
	must(t, err)
	c.clock.Advance(40 * time.Minute)
	c.goesOn(t)
	hashed := uint64(0)
	for ago := 59; ago >= 0; ago-- { // an import of this morning
		queued := int64(0)
		if hashed += 30; ago < 42 {
			queued, hashed = int64(queuedRows+ago*(1000-ago*ago%11*20)), hashed+uint64(60*(38+ago*7%11))
		}
		c.config.Load.Add(console.Sample{At: c.clock.Now().Add(-time.Duration(ago) * time.Minute), Hashed: hashed, Queued: map[muster.ID]int64{c.tenant.ID: queued}})
	}
}

// renamings are rows of people who are there, of whom one in thirteen is given another name.
func (c *company) renamings(n, from int) []muster.Row {
	rows := make([]muster.Row, n)
	for i := range rows {
		known := c.employee(7 + (from+i)%360)
		if known.Account == c.staff.Account {
			known = c.employee(5)
		}
		rows[i] = muster.Row{
			Action: muster.ActionUpdate, Match: muster.KeyAccount, Account: known.Account, Surname: known.Surname, Set: muster.FieldAccount | muster.FieldSurname,
		}
		switch {
		case i%41 == 0:
			rows[i].Account += ".old"
		case i%97 == 5:
			rows[i].Account = ""
		case i%13 == 1:
			rows[i].Surname += "-Dahl"
		}
	}
	return rows
}

// queuedRows are those that wait.
const queuedRows = 40_040

// goesOn submits a large batch, and behind it a small one. Both wait.
func (c *company) goesOn(t testing.TB) {
	t.Helper()
	c.open = c.gate.shut()
	turns := c.gate.count()
	c.live = c.begun(t, c.tenant, provision.Submission{Name: "nightly-sync.ndjson", Rows: c.renamings(queuedRows-40, 0)}, false)
	c.gate.another(turns)
	c.begun(t, c.tenant, provision.Submission{Name: "visitors.csv", Rows: c.employees(1500, 1540, 0)}, false)
}

// halfDone lets turns in until a good part of the large batch is done. Something else always waits, so that turns are short.
func (c *company) halfDone(t testing.TB) {
	t.Helper()
	for decided := 0; decided < queuedRows*2/5; {
		c.begun(t, c.tenant, provision.Submission{Name: "visitor.csv", Rows: c.employees(1540, 1541, 0)}, false)
		next, turns := c.gate.shut(), c.gate.count()
		c.open()
		c.gate.another(turns)
		c.open = next
		batch, err := c.store.Batch(t.Context(), c.tenant.ID, c.live)
		must(t, err)
		decided = batch.Decided()
	}
	c.clock.Advance(11 * time.Second)
}

// TestTheCompany shows the pages that the documents have pictures of, and takes them if screenshots are wanted.
func TestTheCompany(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	if *screenshots {
		c.overviewPictures(t)
	}
	c.halfDone(t)
	v := c.signedIn(t, c.tenant.ID, muster.OperatorAdministrator)
	for page, has := range map[string][]string{
		"/console/":      {"nightly-sync.ndjson", "Users: at first "},
		batchAt(c.dry):   {"spring-intake.xlsx", "would fail", "ext. 4417", "Commit"},
		batchAt(c.live):  {"nightly-sync.ndjson", "running", " of 40,000 rows"},
		userAt(c.staff):  {"Keiko", "all-staff.csv", "Cardiology", "disabled", "enabled"},
		"/console/users": {"Grace ", "/Oslo/Emergency"},
	} {
		v.get(page).is(http.StatusOK).has(has...)
	}
	if *screenshots {
		c.pictures(t)
	}
}

func batchAt(id muster.ID) string { return "/console/batches/" + id.String() }
