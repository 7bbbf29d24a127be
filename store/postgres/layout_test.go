package postgres

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// outside lists what stands outside of tenants, and so would be held in one place in a distributed database.
var outside = map[string]string{
	"goose_db_version":           "migrations",
	"goose_db_version_pkey":      "likewise",
	"installation":               "the installation's own row",
	"installation_pkey":          "likewise",
	"key_records":                "one set of keys seals for all tenants",
	"key_records_pkey":           "likewise",
	"nodes":                      "they work for all tenants",
	"nodes_pkey":                 "likewise",
	"node_numbers":               "they are of the installation's ids",
	"node_numbers_pkey":          "likewise",
	"tenants":                    "its key is the tenant",
	"tenants_pkey":               "likewise",
	"tenants_name":               "a name is unique in the installation",
	"tenants_host":               "a host name says which tenant is meant",
	"credential_index":           "a request says its AppID before it is known whose that is",
	"credential_index_pkey":      "likewise",
	"token_index":                "a request shows its token before it is known whose that is",
	"token_index_pkey":           "likewise",
	"operators":                  "some are of the installation, and who signs in has not proved to belong to a tenant",
	"operators_pkey":             "likewise",
	"operators_email":            "likewise",
	"operators_subject":          "likewise",
	"operators_invitation":       "likewise",
	"operator_sessions":          "likewise",
	"operator_sessions_pkey":     "likewise",
	"operator_sessions_operator": "likewise",
	"operator_sessions_expires":  "likewise",
	"refused_attempts":           "who is refused has not proved to belong to a tenant",
	"refused_attempts_pkey":      "likewise",
	"refused_attempts_until":     "likewise",
}

// TestEveryKeyBeginsWithTheTenant reads from the catalogue what distributing the tables by tenant takes: the tenant is a
// bigint, every primary key and every index begins with it, there is a primary key, and no constraint leads elsewhere.
func TestEveryKeyBeginsWithTheTenant(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	// River's tables stand outside of tenants, and are River's to lay out.
	const ours = ` JOIN pg_namespace AS s ON s.oid = c.relnamespace WHERE s.nspname = 'public' AND c.relname !~ '^river_' `
	tables := f.query(t, `SELECT c.relname FROM pg_class AS c `+ours+` AND c.relkind IN ('r', 'p') ORDER BY 1`)
	distributed := f.query(t, `SELECT c.relname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid `+ours+`
		AND c.relkind IN ('r', 'p') AND a.attname = 'tenant' AND a.attnotnull AND a.atttypid = 'bigint'::regtype ORDER BY 1`)
	keyed := f.query(t, `SELECT c.relname FROM pg_class AS c JOIN pg_constraint AS k ON k.conrelid = c.oid `+ours+` AND k.contype = 'p' ORDER BY 1`)
	seen := make(map[string]bool)
	for _, table := range tables {
		seen[table] = true
		if outside[table] == "" && !slices.Contains(distributed, table) {
			t.Errorf("table %s has no column tenant of type bigint", table)
		}
		if !slices.Contains(keyed, table) {
			t.Errorf("table %s has no primary key", table)
		}
	}
	for _, index := range f.query(t, `SELECT c.relname || ' ' || coalesce(a.attname, 'an expression') FROM pg_index AS i
		JOIN pg_class AS c ON c.oid = i.indexrelid LEFT JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]`+ours) {
		name, first, _ := strings.Cut(index, " ")
		seen[name] = true
		if outside[name] == "" && first != "tenant" {
			t.Errorf("index %s begins with %s", name, first)
		}
	}
	for _, constraint := range f.query(t, `SELECT k.conname FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid `+ours+`
		AND k.contype IN ('f', 'x')`) {
		t.Errorf("constraint %s leads to other rows", constraint)
	}
	for _, trigger := range f.query(t, `SELECT g.tgname FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid `+ours) {
		t.Errorf("trigger %s does what no statement says", trigger)
	}
	for _, sequence := range f.query(t, `SELECT c.relname FROM pg_class AS c `+ours+` AND c.relkind = 'S' AND c.relname NOT LIKE 'goose%'`) {
		t.Errorf("sequence %s counts for all tenants", sequence)
	}
	for name := range outside {
		if !seen[name] {
			t.Errorf("%s is listed as an exception and does not exist", name)
		}
	}
	if !seen["users"] || !seen["users_phone"] || !seen["users_pkey"] {
		t.Error("the test saw no users")
	}
}

// TestIndexedTextIsComparedByItsBytes: the order of an index on text must not change with the operating system.
func TestIndexedTextIsComparedByItsBytes(t *testing.T) {
	t.Parallel()
	f := openFixture(t, Options{})
	indexed := f.query(t, `SELECT i.indexrelid::regclass || ' ' || o.collname FROM pg_index AS i
		JOIN pg_class AS c ON c.oid = i.indrelid JOIN pg_namespace AS s ON s.oid = c.relnamespace
		CROSS JOIN unnest(i.indcollation) AS k(id) JOIN pg_collation AS o ON o.oid = k.id
		WHERE s.nspname = 'public' AND c.relname !~ '^river_'`)
	for _, index := range indexed {
		name, collation, _ := strings.Cut(index, " ")
		if collation != "C" {
			t.Errorf("index %s compares by collation %s", name, collation)
		}
	}
	if len(indexed) < 5 {
		t.Errorf("the test saw %d indexes on text", len(indexed))
	}
}

var (
	// free lists the statements that name no tenant.
	free = []statement{
		insertTenant, selectTenant, lockDirectory, selectTenantNamed, selectTenantAt, selectSoleTenant, selectTenants, selectTenantIDs, selectAnyTenant,
		updateTenant, selectQueued, selectNow, insertCredentialIndex, selectCredentialIndex, selectTokenIndex, insertTokenIndex, deleteTokenIndex,
		upsertAttempts, selectAttempts, deleteAttempts, selectIDFloor, updateChecked, selectServesFrom, lockKeysShared, lockKeys, selectKeys,
		selectKeyVersions, insertKeys, rewrapKey, deleteKey, selectClock, takeNumber, extendNumber, releaseNumber, selectNumbers, raiseNumbers,
		selectSchema, lockFirst, selectDueTenants,
		insertOperator, selectOperator, selectOperatorByEmail,
		selectOperatorBySubject, selectOperatorByInvitation, selectOperators, lockOperator, updateOperator, seeOperator, deleteOperator, insertOperatorSession,
		selectOperatorSession, extendOperatorSession, deleteOperatorSession, deleteOperatorsSessions, deleteExpiredSessions,
	}
	tenantTables = regexp.MustCompile(`\b(?:FROM|JOIN|USING|UPDATE) (users|roles|user_roles|credentials|credential_secrets|federation_profiles|tokens|` +
		`batches|chunks|lanes|outcomes|kept|reasons|differences|overlay|replays|departments|activations|tenant_usage|days|audit_records|webhooks|webhook_secrets|webhook_events|webhook_deliveries)\b(?: AS (\w+))?`)
)

// TestEveryStatementNamesTheTenant holds the other half of the rule: the key is of no use to a query that does not say it, and
// a join says it of each of its tables.
func TestEveryStatementNamesTheTenant(t *testing.T) {
	t.Parallel()
	insert := regexp.MustCompile(`^INSERT INTO \w+(?: AS \w+)? \(tenant,`)
	for i, text := range statementText {
		if text == "" {
			t.Errorf("statement %d has no text", i)
			continue
		}
		named := strings.Contains(text, "tenant = $1") || insert.MatchString(text)
		if named == slices.Contains(free, statement(i)) {
			t.Errorf("names a tenant: %t\n\t%s", named, text)
		}
		if !named {
			continue
		}
		for _, table := range tenantTables.FindAllStringSubmatch(text, -1) {
			condition := "tenant = $1"
			if table[2] != "" {
				condition = table[2] + ".tenant = $1"
			}
			if !strings.Contains(text, condition) {
				t.Errorf("names no tenant of %s\n\t%s", table[0], text)
			}
		}
	}
}
