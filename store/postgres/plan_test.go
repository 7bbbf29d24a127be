package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"muster"
)

// small lists the tables that do not grow with the directory or the batches, and may be walked.
var small = []string{"tenants", "tenant_usage", "key_records", "installation", "node_numbers", "outboxes", "operators"}

// single lists the tables of which a tenant has one row.
var single = []string{"federation_profiles"}

// walks lists the statements that walk a part of a large table, with the reason why that is bounded.
var walks = map[statement]string{
	selectCredentials:       "the answer: the tenant's credentials",
	selectTenantSecrets:     "some for each credential",
	countSecrets:            "likewise",
	selectSecretUse:         "likewise",
	selectAdministrators:    "of administrators alone, with a limit",
	countPayloadKeys:        "of batches that are under way; a person asks for it",
	countKeptKeys:           "of batches with failures; a person asks for it",
	selectHooks:             "webhook.MaxHooks at most",
	selectDue:               "likewise",
	updateOutbox:            "likewise",
	selectTenantHookSecrets: "two for each webhook",
	countHookSecrets:        "likewise",
	selectHookSecretUse:     "likewise",
	moveChunks:              "a batch's chunks, of a thousand rows each",
	selectExpired:           "of batches whose overlay is needed no more, with a limit",

	selectDeepest:            "the departments below one",
	moveDepartments:          "likewise",
	countUsersMatching:       "a person looks for a keyword",
	countUsersWithin:         "likewise",
	countUsersMatchingWithin: "likewise",
}

// node is a step of a plan, as EXPLAIN gives it.
type node struct {
	Type      string `json:"Node Type"`
	Relation  string `json:"Relation Name"`
	Index     string `json:"Index Name"`
	Condition string `json:"Index Cond"`
	Plans     []node `json:"Plans"`
}

func (n *node) String() string {
	return fmt.Sprintf("%s of %s by %s: %s", n.Type, n.Relation, n.Index, n.Condition)
}

func (n *node) all() []*node {
	list := []*node{n}
	for i := range n.Plans {
		list = append(list, n.Plans[i].all()...)
	}
	return list
}

// arguments are such as a batch of a thousand rows has, by type.
var arguments = map[uint32]string{
	pgtype.BoolOID: "true", pgtype.Int2OID: "1", pgtype.Int4OID: "1", pgtype.Int8OID: "1", pgtype.TextOID: "'x'", pgtype.ByteaOID: `'\x00'`,
	pgtype.TimestamptzOID: "now()", pgtype.JSONOID: "'{}'",
	pgtype.BoolArrayOID: "array_fill(true, ARRAY[1000])", pgtype.Int2ArrayOID: "array_fill(1::smallint, ARRAY[1000])",
	pgtype.Int4ArrayOID: "array_fill(1, ARRAY[1000])", pgtype.Int8ArrayOID: "array_fill(1::bigint, ARRAY[1000])",
	pgtype.TextArrayOID: "array_fill('x'::text, ARRAY[1000])", pgtype.ByteaArrayOID: `array_fill('\x00'::bytea, ARRAY[1000])`,
	pgtype.TimestamptzArrayOID: "array_fill(now(), ARRAY[1000])",
}

// plan gives the steps of the plan that a statement gets for tenant 1: made for these arguments, or for any.
func plan(t *testing.T, c *pgx.Conn, text, mode string) []*node {
	t.Helper()
	ctx := context.Background()
	if _, err := c.Exec(ctx, "SET plan_cache_mode = "+mode); err != nil {
		t.Fatal(err)
	}
	described, err := c.Prepare(ctx, "one", text)
	if err != nil {
		t.Fatalf("%v\n\t%s", err, text)
	}
	defer func() {
		if err := c.Deallocate(ctx, "one"); err != nil {
			t.Error(err)
		}
	}()
	var args []string
	for _, oid := range described.ParamOIDs {
		if arguments[oid] == "" {
			t.Fatalf("there is no argument of type %d for\n\t%s", oid, text)
		}
		args = append(args, arguments[oid])
	}
	execute := "EXPLAIN (FORMAT JSON) EXECUTE one"
	if len(args) > 0 {
		execute += "(" + strings.Join(args, ", ") + ")"
	}
	var explained []byte
	if err := c.QueryRow(ctx, execute, pgx.QueryExecModeSimpleProtocol).Scan(&explained); err != nil {
		t.Fatalf("%v\n\t%s", err, text)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(explained, &plans); err != nil || len(plans) != 1 {
		t.Fatalf("a plan is %s, %v", explained, err)
	}
	return plans[0].Plan.all()
}

var ranged = regexp.MustCompile(`[^<](>|<)[^>]`)

// unbounded says what is wrong with a step whose cost grows with the directory or with the batches, if so.
func unbounded(text string, n *node) string {
	scan := strings.Contains(n.Type, "Scan") && n.Relation != "" || n.Type == "Bitmap Index Scan"
	switch {
	case n.Type == "Hash Join", n.Type == "Merge Join":
		return "reads a whole table to join it"
	case !scan, slices.Contains(small, n.Relation), n.Type == "Bitmap Heap Scan":
		return ""
	case n.Type == "Seq Scan", n.Condition == "":
		return "walks a whole table"
	case (n.Condition == "(tenant = '1'::bigint)" || n.Condition == "(tenant = $1)") && !slices.Contains(single, n.Relation):
		return "walks all that a tenant has"
	case ranged.MatchString(n.Condition) && !strings.Contains(text, "LIMIT") && !strings.Contains(text, "EXISTS"):
		return "walks a range without a limit"
	default:
		return ""
	}
}

// filling gives the database one large tenant.
var filling = []string{
	`INSERT INTO users SELECT 1, n, 'a' || n, 'a' || n, 'p' || n, 'p' || n, 'e' || n, 'e' || n, '', '', '', '', false, 0, 1, false, n % 100, 0, NULL, now(), now(), 's', 'd' || n, 'f' || n, 's' || n
		FROM generate_series(10, 20000) AS n`,
	`INSERT INTO roles SELECT 1, n, 'r' || n, now() FROM generate_series(10, 2000) AS n`,
	`INSERT INTO user_roles SELECT 1, n % 10, n FROM generate_series(10, 20000) AS n`,
	`INSERT INTO departments SELECT 1, n, 0, 'd' || n, '/' || n || '/', '/d' || n, now() FROM generate_series(10, 2000) AS n`,
	`INSERT INTO batches (tenant, id, sequence, contract, lane, app_id, actor, actor_level, trace_id, total, accepted_at, finished_at)
		SELECT 1, n, n, 1, 1, '', 0, 1, '', 10, now(), now() FROM generate_series(1, 2000) AS n`,
	`INSERT INTO chunks SELECT 1, n, 0, 10, 1, n, n, 0, 0, '\x00' FROM generate_series(1, 2000) AS n`,
	`INSERT INTO outcomes SELECT 1, n / 10, n % 10, n, 1, 0, '', '', 0, '' FROM generate_series(10, 20009) AS n`,
	`INSERT INTO reasons SELECT 1, n, 1, 0, 10 FROM generate_series(1, 2000) AS n`,
	`INSERT INTO differences SELECT 1, n / 10, n % 10, n, 2, 24, '', '', 0, '' FROM generate_series(10, 5009) AS n`,
	`INSERT INTO overlay SELECT 1, n % 10, n, 'a' || n, 'p' || n, 'e' || n, false, '\x00' FROM generate_series(10, 20000) AS n`,
	`INSERT INTO kept SELECT 1, n, 0, 10, '\x00' FROM generate_series(1, 2000) AS n`,
	`INSERT INTO credentials SELECT 1, 'a' || n, '', false, now() FROM generate_series(1, 2000) AS n`,
	`INSERT INTO credential_index SELECT 'a' || n, 1 FROM generate_series(1, 2000) AS n`,
	`INSERT INTO credential_secrets SELECT 1, 'a' || n, 0, '\x00', 1, now() FROM generate_series(1, 2000) AS n`,
	`INSERT INTO tokens SELECT 1, int8send(n), 1, '', now(), 0, 0, n, now(), now() FROM generate_series(1, 5000) AS n`,
	`INSERT INTO token_index SELECT int8send(n), 1 FROM generate_series(1, 5000) AS n`,
	`INSERT INTO refused_attempts SELECT int8send(n), 1, now() FROM generate_series(1, 5000) AS n`,
	`INSERT INTO operator_sessions SELECT int8send(n), n, 0, now(), now() FROM generate_series(1, 5000) AS n`,
	`INSERT INTO replays SELECT 1, int8send(n), n, now() FROM generate_series(1, 5000) AS n`,
	`INSERT INTO audit_records SELECT 1, n, 'a' || n % 10, n, false, '', 'a' || n % 10, 't' || n, '' FROM generate_series(1, 20000) AS n`,
	`INSERT INTO webhooks SELECT 1, n, '', '', 0, false, '', NULL, now() FROM generate_series(1, 20) AS n`,
	`INSERT INTO webhook_secrets SELECT 1, n, 0, '\x00', 1, now() FROM generate_series(1, 20) AS n`,
	`INSERT INTO webhook_events SELECT 1, n, 1, '' FROM generate_series(1, 20000) AS n`,
	`INSERT INTO webhook_deliveries SELECT 1, n, n % 20, 1, 0, 0, '', NULL, now() FROM generate_series(1, 20000) AS n`,
	`INSERT INTO outboxes SELECT 1, now() FROM generate_series(1, 1) AS n`,
	`INSERT INTO days SELECT 1, n, n, 0, 0, 0, 0 FROM generate_series(10, 5000) AS n`,
	`INSERT INTO activations SELECT 1, n, '\x00', now() FROM generate_series(10, 5000) AS n`,
}

// seeding is filling with a row for each of a hundred tenants.
func seeding() []string {
	series := regexp.MustCompile(`generate_series\(.*?\)`)
	var texts []string
	for _, text := range filling {
		text = series.ReplaceAllString(text, "generate_series(100001, 100100)")
		texts = append(texts, strings.Replace(text, "SELECT 1, ", "SELECT n, ", 1))
	}
	return texts
}

// states are those that a database may be in when a plan is made, by what leads to them.
var states = []struct {
	name string
	fill []string
	full bool // there is a large tenant
}{
	{"nothing", nil, false},
	{"nothing, analyzed", []string{"VACUUM ANALYZE"}, false},
	{"small tenants", slices.Concat(seeding(), []string{"VACUUM ANALYZE"}), false},
	{"without statistics", filling, true},
	{"with those of before", slices.Concat(seeding(), []string{"ANALYZE"}, filling), true},
	{"with statistics", slices.Concat(filling, []string{"ANALYZE"}), true},
}

// TestEveryStatementHasABoundedPlan asks for the plans that may be run while there is a large tenant: those that are made then, and
// those that were made for any arguments, whenever that was.
func TestEveryStatementHasABoundedPlan(t *testing.T) {
	t.Parallel()
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			t.Parallel()
			f := openFixture(t, Options{Connections: 1})
			for _, table := range f.query(t, `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`) {
				f.query(t, "ALTER TABLE "+table+" SET (autovacuum_enabled = false)")
			}
			for _, text := range state.fill {
				f.query(t, text)
			}
			several := f.query(t, `SELECT indrelid::regclass FROM pg_index WHERE indpred IS NULL GROUP BY indrelid HAVING count(*) > 1`)
			c, err := f.pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Release()
			if state.full {
				checkPlans(t, c.Conn())
			}
			for s := range keeping {
				for _, complaint := range complaints(t, c.Conn(), s, "force_generic_plan") {
					t.Errorf("when it is kept, %s\n\t%s", complaint, statementText[s])
				}
				for _, n := range plan(t, c.Conn(), statementText[s], "force_generic_plan") {
					if n.Index != "" && slices.Contains(several, n.Relation) && !slices.Contains(small, n.Relation) {
						t.Errorf("is kept, and of the planner's choice: %s\n\t%s", n, statementText[s])
					}
				}
			}
		})
	}
}

// checkPlans asks for the plans that are made for one execution.
func checkPlans(t *testing.T, c *pgx.Conn) {
	t.Helper()
	for i, text := range statementText {
		for _, complaint := range complaints(t, c, statement(i), "force_custom_plan") {
			t.Errorf("%s\n\t%s", complaint, text)
		}
	}
	for s := range walks {
		if !slices.ContainsFunc(plan(t, c, statementText[s], "force_custom_plan"), func(n *node) bool { return unbounded(statementText[s], n) != "" }) {
			t.Errorf("is listed and does not walk: %s", statementText[s])
		}
	}
}

// inOrder are statements that are to read what an index has in order, and not to sort it.
var inOrder = []statement{searchAccounts, searchPhones, searchEmails, pageUsers, pageUsersMatching}

// complaints says what is wrong with a statement's plan.
func complaints(t *testing.T, c *pgx.Conn, s statement, mode string) (all []string) {
	t.Helper()
	for _, n := range plan(t, c, statementText[s], mode) {
		if complaint := unbounded(statementText[s], n); complaint != "" && walks[s] == "" {
			all = append(all, fmt.Sprintf("%s: %s", complaint, n))
		}
		if strings.Contains(n.Type, "Sort") && slices.Contains(inOrder, s) {
			all = append(all, "it sorts what an index has in order")
		}
	}
	return all
}

// TestPlansAreKeptOfListedStatementsOnly does the same work often enough for the server to keep plans, and asks it of which it did.
func TestPlansAreKeptOfListedStatementsOnly(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{Connections: 1})
	for range 10 { // of which the first five are planned anew in any case
		a := f.acceptance(t, 2, 10)
		a.Replay, a.ReplayUntil = fmt.Append(nil, a.Batch.ID), fixtureTime.AddDate(1, 0, 0)
		if _, err := f.Accept(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		f.mustAccept(t, 2, 10)
		works := f.works(t, 4)
		if err := f.Apply(t.Context(), f.tenant, chunksOf(works), muster.Keys{}, skipAll(works)); err != nil {
			t.Fatal(err)
		}
		if _, err := f.User(t.Context(), f.tenant, 1); err != nil && muster.KindOf(err) != muster.KindNotFound {
			t.Fatal(err)
		}
	}
	keptOf := make(map[string]bool)
	for _, text := range f.query(t, "SELECT statement FROM pg_prepared_statements WHERE generic_plans > 0") {
		keptOf[text] = true
	}
	n := 0
	for i, text := range statementText {
		switch {
		case keptOf[text] && keeping[statement(i)]:
			n++
		case keptOf[text]:
			t.Errorf("a plan is kept of %s", text)
		}
	}
	if n < 5 {
		t.Errorf("plans are kept of %d statements", n)
	}
}

func TestPlansThatGrowAreFound(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{Connections: 1})
	for _, text := range filling {
		f.query(t, text)
	}
	c, err := f.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	for _, text := range []string{
		`SELECT * FROM users WHERE surname = $1`,
		`SELECT * FROM users WHERE tenant = $1 AND surname = $2`,
		`SELECT * FROM users WHERE tenant = $1 AND lower(phone_key) = $2`,
		`DELETE FROM outcomes WHERE id = $1`,
		`SELECT * FROM outcomes WHERE tenant = $1 AND batch > $2`,
		`SELECT count(*) FROM chunks`,
		`UPDATE batches SET total = 1 WHERE tenant = $1`,
		`SELECT * FROM tenants AS t JOIN credentials AS c ON c.tenant = t.id`,
	} {
		if !slices.ContainsFunc(plan(t, c.Conn(), text, "auto"), func(n *node) bool { return unbounded(text, n) != "" }) {
			t.Errorf("nothing was found in %s", text)
		}
	}
}
