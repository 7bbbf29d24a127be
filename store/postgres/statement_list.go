package postgres

// A statement that is about a list goes from each of its elements to the rows that it names, by the whole key of an index.
// The planner must have no choice there: without statistics, which a table has none of for the first minutes of its growth, it
// takes tenants for small, and would rather walk all that a tenant has. A subquery with OFFSET is not merged into what is around
// it, and so is asked once for each element; nor can MERGE that may insert begin with the table.

// keeping are the statements whose plan a connection keeps: those of small requests, for which planning took longer than running, and
// which can have but one plan, since the tables that they read have one index for all rows. Where there is a choice, it is to
// be made for each execution: while there is next to nothing in a table, one index looks as good as another, and a plan that was
// made then would walk all that a tenant has later.
var keeping = map[statement]bool{
	selectTenant: true, selectCredentialIndex: true, selectCredential: true, selectSecrets: true, selectProfile: true,
	lockDirectory: true, lockUsage: true, selectUsage: true, updateUsageAccepted: true, updateLastID: true, selectLane: true,
	selectBatchExists: true, insertBatch: true, insertChunk: true, insertAudit: true, selectKeyVersions: true, lockKeysShared: true,
	selectBatch: true, selectReasons: true, selectOutcomes: true, selectFailures: true,
}

// each reads rows for each element of a list of the type, which is $2. The condition names the element n.key.
func each(columns, table, condition, of string) string {
	return `SELECT t.* FROM unnest($2::` + of + `[]) AS n(key)
		CROSS JOIN LATERAL (SELECT ` + columns + ` FROM ` + table + ` WHERE tenant = $1 AND ` + condition + ` OFFSET 0) AS t`
}

// lookup finds the users who hold any of the keys.
func lookup(columns, column string) string {
	return each(columns, "users", column+" = n.key AND "+column+" <> ''", "text")
}

const (
	// neverInserts ends a MERGE, whose source is to come first.
	neverInserts = ` WHEN NOT MATCHED AND false THEN INSERT DEFAULT VALUES`

	ids = `(SELECT DISTINCT id FROM unnest($2::bigint[]) AS l(id)) AS n`
)

// change changes the rows of a table that a list names; its elements are called n.
func change(table, set, list, condition string) string {
	return `MERGE INTO ` + table + ` AS t USING ` + list + ` ON t.tenant = $1 AND ` + condition + ` WHEN MATCHED THEN UPDATE SET ` + set + neverInserts
}

// remove deletes the rows of a table that a list names; its elements are called n.
func remove(table, list, condition string) string {
	return `MERGE INTO ` + table + ` AS t USING ` + list + ` ON t.tenant = $1 AND ` + condition + ` WHEN MATCHED THEN DELETE` + neverInserts
}

// insertOutcomesInto inserts outcomes, which come as arrays.
func insertOutcomesInto(table string) string {
	return `INSERT INTO ` + table + ` (tenant, batch, ` + outcomeColumns + `)
		SELECT $1, n.* FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::smallint[], $6::smallint[], $7::text[], $8::text[],
			$9::bigint[], $10::text[]) AS n`
}

// taken walks from chunk to chunk, in an order and from a place on, until there are $rows rows. batch tells which rows of the
// table batches belong to a chunk c.
func taken(from, next, order, rows, batch string) string {
	first := func(condition string) string {
		return ` FROM chunks AS c WHERE c.tenant = $1 AND ` + condition + ` ORDER BY ` + order + ` LIMIT 1)`
	}
	return `WITH RECURSIVE taken AS (
			(SELECT ` + chunkColumns + `, c.rows::bigint AS total` + first(from) + `
			UNION ALL
			SELECT c.*, t.total + c.rows FROM taken AS t CROSS JOIN LATERAL (SELECT ` + chunkColumns + first(next) + ` AS c
			WHERE t.total + c.rows <= ` + rows + `)
		SELECT c.batch, c.first_row, c.rows, c.first_id, c.first_user, c.payload, c.rank, ` + batchColumns + `, b.payload_key, b.kept_key
		FROM taken AS c CROSS JOIN LATERAL (SELECT * FROM batches AS b WHERE b.tenant = $1 AND ` + batch + ` OFFSET 0) AS b ORDER BY ` + order
}

// some deletes of a table's rows of the batch $2 those that come first, at most $3.
func some(table, column string) string {
	return `DELETE FROM ` + table + ` WHERE tenant = $1 AND batch = $2 AND ` + column + ` <= (SELECT max(` + column + `) FROM
		(SELECT ` + column + ` FROM ` + table + ` WHERE tenant = $1 AND batch = $2 ORDER BY ` + column + ` LIMIT $3) AS o)`
}

// overlaid finds in the overlay of the batch $3 those who hold any of the keys there, and those who hold them in truth.
func overlaid(column string) string {
	return `SELECT t.* FROM unnest($2::text[]) AS n(key)
		CROSS JOIN LATERAL (SELECT id FROM users WHERE tenant = $1 AND ` + column + ` = n.key AND ` + column + ` <> ''
			UNION ALL SELECT user_id FROM overlay WHERE tenant = $1 AND batch = $3 AND ` + column + ` = n.key AND ` + column + ` <> '' OFFSET 0) AS u
		CROSS JOIN LATERAL (SELECT ` + overlayColumns + ` FROM overlay WHERE tenant = $1 AND batch = $3 AND user_id = u.id OFFSET 0) AS t`
}

// successor finds the first batch that was made of the parent by the origin, but for one that was refused (mode 3).
func successor(parent, origin string) string {
	return `SELECT id FROM batches WHERE tenant = $1 AND parent = ` + parent + ` AND parent <> 0 AND origin = ` + origin + ` AND mode <> 3
			AND staged_until IS NULL AND NOT forgotten ORDER BY id LIMIT 1`
}

// usersWithin are the users of the tenant $1 whose department's IDPath lies between $2 and $3, and its id above $4, by department and
// id.
const usersWithin = `(SELECT id FROM departments WHERE tenant = $1 AND id_path >= $2 AND id_path < $3 AND id > $4 ORDER BY id) AS d
	CROSS JOIN LATERAL (SELECT ` + userColumns + ` FROM users WHERE tenant = $1 AND department = d.id ORDER BY id) AS u`

// usersOf are the users of the department $4 behind the user $5, where its IDPath lies between $2 and $3, by id.
const usersOf = `(SELECT id FROM departments WHERE tenant = $1 AND id = $4 AND id_path >= $2 AND id_path < $3) AS d
	CROSS JOIN LATERAL (SELECT ` + userColumns + ` FROM users WHERE tenant = $1 AND department = d.id AND id > $5 ORDER BY id) AS u`

// search finds users by the beginning of a key, in its order, which is also that of an index: below $2, and behind the user $4 who
// has the key $3.
func search(column, order string) string {
	return `SELECT ` + column + ` AS name, ` + userColumns + ` FROM users WHERE tenant = $1 AND ` + column + ` <> '' AND ` + column + ` < $2
		AND (` + column + `, id) > ($3, $4) ORDER BY ` + order + ` LIMIT $5`
}

// userText is all that a keyword is looked for in, with a character between that none of it holds.
const userText = `concat_ws(E'\x01', account, phone, email, first_name, surname, display_name) COLLATE "C"`
