package postgres

// installationText is of what stands outside of tenants, and of the keys that everything is sealed under.
var installationText = map[statement]string{
	selectIDFloor:    `SELECT coalesce(max(last_id), 0) FROM tenant_usage`,
	updateChecked:    `UPDATE installation SET checked_at = clock_timestamp() WHERE id = 1`,
	selectServesFrom: `SELECT serves_from FROM installation WHERE id = 1`,
	selectSchema:     `SELECT to_regclass('installation') IS NOT NULL`,
	lockFirst:        `SELECT pg_advisory_xact_lock(` + firstLock + `)`,

	selectClock: `SELECT clock_timestamp()`,
	// In a database that was copied, ids were made that no number knows of.
	raiseNumbers: `UPDATE node_numbers SET last_id = greatest(last_id, (SELECT max(last_id) FROM tenant_usage))
		WHERE NOT EXISTS (SELECT FROM node_numbers WHERE last_id > 0) AND EXISTS (SELECT FROM tenant_usage WHERE last_id > 0)`,
	takeNumber: `WITH free AS (
			SELECT number, last_id, clock_timestamp() AS now FROM node_numbers WHERE until <= clock_timestamp()
			ORDER BY greatest(last_id, $4), number LIMIT 1 FOR UPDATE SKIP LOCKED),
		taken AS (
			UPDATE node_numbers AS n SET owner = $1, since = free.now, until = free.now + $2::bigint * interval '1 microsecond', last_id = greatest(n.last_id, $3)
			FROM free WHERE n.number = free.number)
		SELECT number, last_id FROM free`,
	extendNumber: `UPDATE node_numbers SET until = clock_timestamp() + $3::bigint * interval '1 microsecond', last_id = greatest(last_id, $4)
		WHERE number = $1 AND owner = $2`,
	selectNumbers: `SELECT number, owner, since, until - $1::bigint * interval '1 microsecond', until > clock_timestamp() FROM node_numbers
		WHERE owner <> '' AND until > clock_timestamp() - interval '1 day' ORDER BY number`,
	releaseNumber: `UPDATE node_numbers SET owner = '', until = clock_timestamp(), last_id = $3 WHERE number = $1 AND owner = $2`,

	// Who stores what is sealed shares the lock, from before he looks whether the key is on record until his commit; who deletes a
	// key has it alone, from before he looks whether it is in use.
	lockKeysShared: `SELECT pg_advisory_xact_lock_shared(` + keysLock + `)`,
	lockKeys:       `SELECT pg_advisory_xact_lock(` + keysLock + `)`,

	selectKeys:        `SELECT purpose, version, wrapped, master_id, created_at FROM key_records`,
	selectKeyVersions: `SELECT version FROM key_records WHERE purpose = $1 AND version = ANY ($2::integer[])`,
	insertKeys: `INSERT INTO key_records (purpose, version, wrapped, master_id, created_at)
		SELECT n.* FROM unnest($1::text[], $2::integer[], $3::bytea[], $4::text[], $5::timestamptz[]) AS n ON CONFLICT DO NOTHING`,
	rewrapKey: `UPDATE key_records SET wrapped = $4, master_id = $5 WHERE purpose = $1 AND version = $2 AND wrapped = $3`,
	deleteKey: `DELETE FROM key_records WHERE purpose = $1 AND version = $2`,
	selectWrappedPayloadKeys: `SELECT id, payload_key FROM batches
		WHERE tenant = $1 AND payload_key_version = $2 AND id > $3 ORDER BY id LIMIT $4`,
	selectWrappedKeptKeys: `SELECT id, kept_key FROM batches
		WHERE tenant = $1 AND kept_key_version = $2 AND id > $3 ORDER BY id LIMIT $4`,
	replacePayloadKey: `UPDATE batches SET payload_key = $4, payload_key_version = $5 WHERE tenant = $1 AND id = $2 AND payload_key = $3`,
	replaceKeptKey:    `UPDATE batches SET kept_key = $4, kept_key_version = $5 WHERE tenant = $1 AND id = $2 AND kept_key = $3`,
	replaceSecret: `UPDATE credential_secrets SET sealed = $5, key_version = $6
		WHERE tenant = $1 AND app_id = $2 AND position = $3 AND sealed = $4`,
	countPayloadKeys: `SELECT payload_key_version, count(*) FROM batches WHERE tenant = $1 AND payload_key_version IS NOT NULL
		GROUP BY payload_key_version`,
	countKeptKeys: `SELECT kept_key_version, count(*) FROM batches WHERE tenant = $1 AND kept_key_version IS NOT NULL
		GROUP BY kept_key_version`,
	countSecrets:        `SELECT key_version, count(*) FROM credential_secrets WHERE tenant = $1 GROUP BY key_version`,
	selectPayloadKeyUse: `SELECT EXISTS (SELECT 1 FROM batches WHERE tenant = $1 AND payload_key_version = $2)`,
	selectKeptKeyUse:    `SELECT EXISTS (SELECT 1 FROM batches WHERE tenant = $1 AND kept_key_version = $2)`,
	selectSecretUse:     `SELECT EXISTS (SELECT 1 FROM credential_secrets WHERE tenant = $1 AND key_version = $2)`,
}
