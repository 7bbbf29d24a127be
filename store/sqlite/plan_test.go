package sqlite

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// small lists the tables that do not grow with the directory or the batches, and may be walked.
var small = []string{"tenants", "nodes", "key_records", "outboxes", "operators", "tenant_usage"}

// walks lists the statements that walk a part of a large table, by what they walk, with the reason why that is bounded.
var walks = map[statement]string{
	selectTenantCredentials: "SEARCH credentials USING PRIMARY KEY (tenant=?)",        // the answer: the tenant's credentials
	selectTenantSecrets:     "SEARCH credential_secrets USING PRIMARY KEY (tenant=?)", // some for each credential
	countSecrets:            "SEARCH credential_secrets USING PRIMARY KEY (tenant=?)",
	selectSecretUse:         "SEARCH credential_secrets USING PRIMARY KEY (tenant=?)",
	selectAdministrators:    "SEARCH users USING INDEX users_administrators (tenant=?)", // of administrators alone, with a limit
	selectHooks:             "SEARCH webhooks USING PRIMARY KEY (tenant=?)",             // webhook.MaxHooks at most
	selectDue:               "SEARCH w USING PRIMARY KEY (tenant=?)",
	updateOutbox:            "SEARCH w USING PRIMARY KEY (tenant=?)",
	selectTenantHookSecrets: "SEARCH webhook_secrets USING PRIMARY KEY (tenant=?)", // two for each webhook
	countHookSecrets:        "SEARCH webhook_secrets USING PRIMARY KEY (tenant=?)",
	selectHookSecretUse:     "SEARCH webhook_secrets USING PRIMARY KEY (tenant=?)",
	countPayloadKeys:        "SEARCH batches USING COVERING INDEX batches_payload_key (tenant=? AND payload_key_version>?)",
	countKeptKeys:           "SEARCH batches USING COVERING INDEX batches_kept_key (tenant=? AND kept_key_version>?)",        // a person asks for it
	selectChunks:            "SEARCH c USING INDEX chunks_order (tenant=? AND lane=? AND (rank,sequence,first_row)>(?,?,?))", // until Next has enough

	selectHeld: "SEARCH c USING PRIMARY KEY (tenant=? AND batch=? AND first_row>?)",      // until Held has enough
	moveChunks: "SEARCH chunks USING PRIMARY KEY (tenant=? AND batch=? AND first_row>?)", // once in a batch's life, or twice

	// An administrator turns pages of his tenant's users, or searches them.
	countUsersMatching:       "SEARCH users USING PRIMARY KEY (tenant=?)",
	countUsersWithin:         "SEARCH departments USING COVERING INDEX departments_id_path (tenant=? AND id_path>? AND id_path<?)",
	countUsersMatchingWithin: "SEARCH departments USING COVERING INDEX departments_id_path (tenant=? AND id_path>? AND id_path<?)",
	pageUsersWithin:          "SCAN page", // which has a limit
	pageRoleUsers:            "SCAN page",
	// What is moved is walked.
	selectDeepest:   "SEARCH departments USING COVERING INDEX departments_id_path (tenant=? AND id_path>? AND id_path<?)",
	moveDepartments: "SEARCH departments USING INDEX departments_id_path (tenant=? AND id_path>? AND id_path<?)",
}

// step takes a line of a plan apart: what is done, to which table or alias, by which columns of the index.
var step = regexp.MustCompile(`^(SCAN|SEARCH) (\S+)(?: USING (?:COVERING )?(?:INDEX \S+|PRIMARY KEY|INTEGER PRIMARY KEY) \((.*)\))?`)

func TestEveryStatementHasABoundedPlan(t *testing.T) {
	t.Parallel()
	s := open(t, blankFolder(t), Options{})
	defer closeStore(t, s)
	walked := 0
	err := s.readers.read(t.Context(), func(q querier) error {
		for i, text := range statementText {
			if text == "" {
				t.Errorf("statement %d has no text", i)
				continue
			}
			for _, line := range plan(t, q.(*conn).sql, text) {
				switch complaint := unbounded(text, line); {
				case complaint == "":
				case walks[statement(i)] == line:
					walked++
				default:
					t.Errorf("%s: %s\n\t%s", complaint, line, text)
				}
			}
		}
		return nil
	})
	if walked != len(walks) {
		t.Errorf("%d statements of the %d listed walk", walked, len(walks))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// plan gives the lines of EXPLAIN QUERY PLAN.
func plan(t *testing.T, c *sql.Conn, text string) []string {
	t.Helper()
	highest := strings.Count(text, "?")
	for n := range 10 {
		if strings.Contains(text, fmt.Sprintf("?%d", n)) {
			highest = n
		}
	}
	rows, err := c.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+text, make([]any, highest)...)
	if err != nil {
		t.Fatalf("%v\n\t%s", err, text)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var id, parent, unused int
		var line string
		if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// unbounded says what is wrong with a step whose cost grows with the directory or with the batches, if so.
func unbounded(text, line string) string {
	found := step.FindStringSubmatch(line)
	switch {
	case found == nil, strings.Contains(line, "CONSTANT ROW"), strings.Contains(line, "VALUES CLAUSE"),
		strings.Contains(line, "VIRTUAL TABLE"):
		return ""
	case slices.Contains(small, table(text, found[2])):
		return ""
	case found[1] == "SCAN":
		return "walks a whole table"
	case found[3] == "tenant=?":
		return "walks all that a tenant has"
	case strings.ContainsAny(found[3], "<>") && !strings.Contains(text, "LIMIT") && !strings.Contains(text, "EXISTS"):
		return "walks a range without a limit"
	default:
		return ""
	}
}

// table resolves an alias, which a statement gives as "table AS alias".
func table(text, name string) string {
	if found := regexp.MustCompile(`(\w+) AS ` + name + `\b`).FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return name
}

func TestPlansThatGrowAreFound(t *testing.T) {
	t.Parallel()
	s := open(t, blankFolder(t), Options{})
	defer closeStore(t, s)
	err := s.readers.read(t.Context(), func(q querier) error {
		for _, text := range []string{
			`SELECT * FROM users WHERE surname = ?`,
			`SELECT * FROM users WHERE tenant = ? AND surname = ?`,
			`SELECT u.* FROM users AS u WHERE u.tenant = ? AND +u.phone_key = ?`,
			`SELECT * FROM users WHERE tenant = ? AND phone_key IN (?` + strings.Repeat(`, ?`, 499) + `)`, // for want of statistics, see lookup
			`DELETE FROM outcomes WHERE id = ?`,
			`SELECT * FROM outcomes WHERE tenant = ? AND batch > ?`,
			`SELECT count(*) FROM chunks`,
			`UPDATE batches SET total = 1 WHERE tenant = ?`,
			`SELECT * FROM tenants AS t JOIN credentials AS c ON c.tenant = t.id`,
		} {
			if !slices.ContainsFunc(plan(t, q.(*conn).sql, text), func(line string) bool { return unbounded(text, line) != "" }) {
				t.Errorf("nothing was found in %s", text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// outside lists what stands outside of tenants, and so would be held in one place in a distributed database.
var outside = map[string]string{
	"goose_db_version":   "migrations",
	"tenants":            "its key is the tenant",
	"tenants_name":       "a name is unique in the installation",
	"nodes":              "nodes serve all tenants",
	"key_records":        "one set of keys seals for all tenants",
	"credentials_app_id": "the credential index: a request says its AppID before it is known whose that is",
	"tenants_host":       "a host name says which tenant is meant",
	"tokens_hash":        "the token index: a request shows its token before it is known whose that is",

	"operators":                  "some are of the installation, and who signs in has not proved to belong to a tenant",
	"operators_email":            "likewise",
	"operators_subject":          "likewise",
	"operators_invitation":       "likewise",
	"operator_sessions":          "likewise",
	"operator_sessions_operator": "likewise",
	"operator_sessions_expires":  "likewise",

	"refused_attempts":       "who is refused has not proved to belong to a tenant",
	"refused_attempts_until": "likewise",
}

func TestEveryKeyBeginsWithTheTenant(t *testing.T) {
	t.Parallel()
	s := open(t, blankFolder(t), Options{})
	defer closeStore(t, s)
	seen := make(map[string]bool)
	err := s.readers.read(t.Context(), func(q querier) error {
		c := q.(*conn).sql
		for _, name := range names(t, c, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`) {
			first := names(t, c, fmt.Sprintf(`SELECT name FROM pragma_table_info('%s') WHERE pk = 1`, name))
			seen[name] = true
			if outside[name] == "" && !slices.Equal(first, []string{"tenant"}) {
				t.Errorf("the key of table %s begins with %q", name, first)
			}
		}
		for _, name := range names(t, c, `SELECT name FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%'`) {
			first := names(t, c, fmt.Sprintf(`SELECT name FROM pragma_index_info('%s') WHERE seqno = 0`, name))
			seen[name] = true
			if outside[name] == "" && !slices.Equal(first, []string{"tenant"}) {
				t.Errorf("index %s begins with %q", name, first)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range outside {
		if !seen[name] {
			t.Errorf("%s is listed as an exception and does not exist", name)
		}
	}
	if !seen["users"] || !seen["users_phone"] {
		t.Error("the test saw no users")
	}
}

func names(t *testing.T, c *sql.Conn, query string) []string {
	t.Helper()
	rows, err := c.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestEveryStatementNamesTheTenant holds the other half of the rule: the key is of no use to a query that does not say it.
func TestEveryStatementNamesTheTenant(t *testing.T) {
	t.Parallel()
	free := []statement{
		insertTenant, selectTenant, selectTenantNamed, selectTenantAt, selectSoleTenant, selectTenants, selectTenantIDs, selectAnyTenant, updateTenant,
		selectCredential, upsertNode, selectIDFloor, selectKeys, selectKeyVersion, insertKey, rewrapKey, deleteKey,
		selectToken, upsertAttempt, selectAttempt, deleteAttempts, selectQueued, selectDueTenants, insertOperator, selectOperator, selectOperatorByEmail,
		selectOperatorBySubject, selectOperatorByInvitation, selectOperators, updateOperator, seeOperator, deleteOperator, insertOperatorSession,
		selectOperatorSession, extendOperatorSession, deleteOperatorSession, deleteOperatorsSessions, deleteExpiredSessions,
	}
	for i, text := range statementText {
		named := strings.Contains(text, "tenant = ?") || regexp.MustCompile(`^INSERT INTO \w+ \(tenant,`).MatchString(text)
		if named == slices.Contains(free, statement(i)) {
			t.Errorf("names a tenant: %t\n\t%s", named, text)
		}
	}
}
